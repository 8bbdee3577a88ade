"""What users of simple-salesforce do, against the simulator.

simple_salesforce_check.py facts.json key.pem
"""
import json
import sys
import time
import urllib.parse
import urllib.request
from importlib.metadata import version
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed, SalesforceExpiredSession, SalesforceMalformedRequest,
    SalesforceRefusedRequest, SalesforceResourceNotFound)

FACTS = json.loads(Path(sys.argv[1]).read_text())
KEY = sys.argv[2]
API = '65.0'
ORIGIN = FACTS['url'].rstrip('/')


class ToSimulator(HTTPAdapter):
    """Sends what is meant for Salesforce's hosts to the simulator."""

    def send(self, request, **kwargs):
        parts = urllib.parse.urlsplit(request.url)
        request.url = ORIGIN + urllib.parse.urlunsplit(('', '', parts.path, parts.query, ''))
        return super().send(request, **kwargs)


def session():
    made = requests.Session()
    made.trust_env = False
    made.mount('https://', ToSimulator())
    return made


def control(method, route, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(FACTS['control_url'] + route, data=data, method=method)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        return json.load(answer)


def refusal(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError('nothing was refused')


def step(name):
    print(f'simple-salesforce: {name}')


def work(client):
    first = client.query('SELECT Id, Name, Owner.Name FROM Account ORDER BY Name')
    assert (first['totalSize'], len(first['records']), first['done']) == (2300, 2000, False)
    rest = client.query_more(first['nextRecordsUrl'], identifier_is_url=True)
    assert (len(rest['records']), rest['done']) == (300, True)
    assert len(client.query_all('SELECT Id FROM Account')['records']) == 2300
    assert sum(1 for _ in client.query_all_iter('SELECT Id FROM Account')) == 2300

    names = [found['name'] for found in client.describe()['sobjects']]
    assert 'Account' in names
    fields = [field['name'] for field in client.Account.describe()['fields']]
    assert 'Industry' in fields
    assert client.Account.metadata()['objectDescribe']['createable']
    assert client.is_sandbox() is False

    made = client.Account.create({'Name': 'Made by simple-salesforce'})['id']
    assert client.Account.get(made)['Name'] == 'Made by simple-salesforce'
    assert client.Account.update(made, {'Industry': 'Retail'}) == 204
    key = f'P-{time.time_ns()}'
    assert client.Account.upsert(f'Customer_Key__c/{key}', {'Name': 'U'}) == 201
    assert client.Account.upsert(f'Customer_Key__c/{key}', {'Name': 'V'}) == 200
    other = client.Account.get_by_custom_id('Customer_Key__c', key)
    assert other['Name'] == 'V'
    for record in (made, other['Id']):
        assert client.Account.delete(record) == 204
    refusal(SalesforceResourceNotFound, lambda: client.Account.get(made))
    typo = refusal(SalesforceMalformedRequest, lambda: client.query('SELECT Nonsense FROM Account'))
    assert typo.content[0]['errorCode'] == 'INVALID_FIELD'


def exceed_limit(client):
    client.limits()
    assert client.api_usage['api-usage'].total == 100000
    control('PATCH', 'orgs/acme', {'used_elsewhere': 100000})
    error = refusal(SalesforceRefusedRequest, lambda: client.query('SELECT Id FROM Account LIMIT 1'))
    assert error.content[0]['errorCode'] == 'REQUEST_LIMIT_EXCEEDED'
    control('PATCH', 'orgs/acme', {'used_elsewhere': 0})


def with_password():
    refusal(SalesforceAuthenticationFailed, lambda: Salesforce(
        username=FACTS['username'], password='wrong', security_token='', session=session(), version=API))
    client = Salesforce(
        username=FACTS['username'], password=FACTS['password'],
        security_token=FACTS['security_token'], session=session(), version=API)
    step('signs in with SOAP')
    work(client)
    step('pages, describes, creates, reads, updates, upserts, deletes')
    exceed_limit(client)
    step('runs into the limit')
    before = client.session_id
    control('POST', 'end-sessions', {'username': FACTS['username']})
    assert len(client.query('SELECT Id FROM Account LIMIT 1')['records']) == 1
    assert client.session_id != before
    step('signs in again by itself when its session is over')


def with_assertion():
    arguments = {
        'username': FACTS['username'], 'consumer_key': FACTS['client_id'], 'privatekey_file': KEY,
        'version': API,
    }
    redirect = 'https://app.example.com/connect/callback'
    query = urllib.parse.urlencode({
        'response_type': 'code', 'client_id': FACTS['client_id'], 'redirect_uri': redirect})
    control('POST', 'revoke', {'username': FACTS['username']})
    error = refusal(SalesforceAuthenticationFailed, lambda: Salesforce(session=session(), **arguments))
    assert "user hasn't approved this consumer" in str(error), error
    callback = control(
        'POST', 'approve', {'authorize_url': f'{ORIGIN}/services/oauth2/authorize?{query}'})['callback']
    code = urllib.parse.parse_qs(urllib.parse.urlsplit(callback).query)['code'][0]
    answer = requests.Session()
    answer.trust_env = False
    token = answer.post(f'{ORIGIN}/services/oauth2/token', data={
        'grant_type': 'authorization_code', 'code': code, 'redirect_uri': redirect,
        'client_id': FACTS['client_id'], 'client_secret': FACTS['client_secret']}).json()
    client = Salesforce(session=session(), **arguments)
    assert len(client.query('SELECT Id FROM Account LIMIT 1')['records']) == 1
    step('signs in with an assertion, once the user has approved the app')
    return token


def with_client_credentials():
    client = Salesforce(
        consumer_key=FACTS['client_id'], consumer_secret=FACTS['client_secret'], domain='acme.my',
        session=session(), version=API)
    assert client.query('SELECT COUNT() FROM Contact')['totalSize'] == 10
    step('signs in with client credentials')


def with_stale_token(token):
    client = Salesforce(
        instance_url=token['instance_url'], session_id=token['access_token'], session=session(), version=API)
    work(client)
    step('works with an access token that it was given')
    control('POST', 'end-session', {'token': token['access_token']})
    error = refusal(SalesforceExpiredSession, lambda: client.query('SELECT Id FROM Account LIMIT 1'))
    assert error.content == [{'message': 'Session expired or invalid', 'errorCode': 'INVALID_SESSION_ID'}]
    step('meets a stale token as a 401 list')


with_password()
granted = with_assertion()
with_client_credentials()
with_stale_token(granted)
print(f'simple-salesforce {version("simple-salesforce")}: all well')
