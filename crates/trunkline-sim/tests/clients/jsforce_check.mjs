// What users of jsforce do, against the simulator: node jsforce_check.mjs facts.json
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import jsforce from 'jsforce';

const facts = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const version = '65.0';
const passphrase = facts.password + facts.security_token;

async function control(method, route, body) {
  const response = await fetch(facts.control_url + route, { method, body: body && JSON.stringify(body) });
  const answer = await response.json();
  assert.equal(response.status, 200, JSON.stringify(answer));
  return answer;
}

async function step(name, check) {
  await check();
  console.log(`jsforce: ${name}`);
}

async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return assert.fail('nothing was refused');
}

async function work(connection) {
  const first = await connection.query('SELECT Id, Name, Owner.Name FROM Account ORDER BY Name');
  assert.equal(first.totalSize, 2300);
  assert.equal(first.records.length, 2000);
  assert.equal(first.done, false);
  const rest = await connection.queryMore(first.nextRecordsUrl);
  assert.equal(rest.records.length, 300);
  assert.equal(rest.done, true);
  const all = await connection.query('SELECT Id FROM Account', { autoFetch: true, maxFetch: 9999 });
  assert.equal(all.records.length, 2300);

  const found = await connection.sobject('Account')
    .find({ Industry: 'Energy', Name: { $like: 'Account 00%' } }, 'Id, Name')
    .sort({ Name: -1 }).limit(5);
  assert.equal(found.length, 5);
  assert.ok(found[0].Name > found[4].Name);
  assert.equal(await connection.sobject('Contact').count(), 10);

  const global = await connection.describeGlobal();
  assert.ok(global.sobjects.some((object) => object.name === 'Account'));
  const account = await connection.sobject('Account').describe();
  assert.ok(account.createable && account.fields.some((field) => field.name === 'Industry'));

  const created = await connection.sobject('Account').create({ Name: 'Made by jsforce' });
  assert.ok(created.success);
  const read = await connection.sobject('Account').retrieve(created.id);
  assert.equal(read.Name, 'Made by jsforce');
  await connection.sobject('Account').update({ Id: created.id, Industry: 'Retail' });
  assert.equal((await connection.sobject('Account').retrieve(created.id)).Industry, 'Retail');
  const key = `J-${Date.now()}`;
  const made = await connection.sobject('Account').upsert({ Customer_Key__c: key, Name: 'U' }, 'Customer_Key__c');
  assert.equal(made.created, true);
  const again = await connection.sobject('Account').upsert({ Customer_Key__c: key, Name: 'V' }, 'Customer_Key__c');
  assert.equal(again.id, made.id);

  const many = await connection.sobject('Contact').create([{ LastName: 'One' }, { LastName: 'Two' }, {}]);
  assert.deepEqual(many.map((one) => one.success), [true, true, false]);
  const ids = many.filter((one) => one.success).map((one) => one.id);
  const both = await connection.sobject('Contact').retrieve(ids);
  assert.deepEqual(both.map((one) => one.LastName), ['One', 'Two']);
  await connection.sobject('Contact').update(ids.map((Id) => ({ Id, Title: 'CEO' })));
  await connection.sobject('Contact').destroy(ids);

  await connection.sobject('Account').destroy([created.id, made.id]);
  const gone = await refusal(connection.sobject('Account').retrieve(created.id));
  assert.equal(gone.errorCode, 'NOT_FOUND');

  const typo = await refusal(connection.query('SELECT Nonsense FROM Account'));
  assert.equal(typo.errorCode, 'INVALID_FIELD');
}

async function exceedLimit(connection) {
  await connection.limits();
  assert.equal(connection.limitInfo.apiUsage.limit, 100000);
  await control('PATCH', 'orgs/acme', { used_elsewhere: 100000 });
  const error = await refusal(connection.query('SELECT Id FROM Account LIMIT 1'));
  assert.equal(error.errorCode, 'REQUEST_LIMIT_EXCEEDED');
  await control('PATCH', 'orgs/acme', { used_elsewhere: 0 });
}

async function withPassword() {
  const connection = new jsforce.Connection({ loginUrl: facts.url, version, logLevel: 'NONE' });
  const wrong = await refusal(connection.login(facts.username, 'wrong'));
  assert.match(wrong.message, /^INVALID_LOGIN/);
  await step('signs in with SOAP', async () => {
    const user = await connection.login(facts.username, passphrase);
    assert.equal(user.organizationId, facts.org_id);
    assert.equal((await connection.identity()).username, facts.username);
  });
  await step('pages, describes, creates, reads, updates, upserts, deletes', () => work(connection));
  await step('runs into the limit', () => exceedLimit(connection));
  await step('signs in again by itself when its session is over', async () => {
    const before = connection.accessToken;
    await control('POST', 'end-sessions', { username: facts.username });
    assert.equal((await connection.query('SELECT Id FROM Account LIMIT 1')).records.length, 1);
    assert.notEqual(connection.accessToken, before);
  });
  await step('signs out', async () => {
    await connection.logout();
  });
}

async function withOauth() {
  const redirectUri = 'https://app.example.com/connect/callback';
  const oauth2 = new jsforce.OAuth2({
    loginUrl: facts.url, clientId: facts.client_id, clientSecret: facts.client_secret, redirectUri,
    useVerifier: true,
  });
  const connection = new jsforce.Connection({ oauth2, version, logLevel: 'NONE' });
  await step('signs in with a consent and PKCE', async () => {
    const url = oauth2.getAuthorizationUrl({ scope: 'api id refresh_token', state: 's' });
    const { callback } = await control('POST', 'approve', { authorize_url: url });
    const code = new URL(callback).searchParams.get('code');
    const user = await connection.authorize(code, { code_verifier: oauth2.codeVerifier });
    assert.equal(user.organizationId, facts.org_id);
    assert.equal((await connection.identity()).username, facts.username);
  });
  await step('works with an access token', () => work(connection));
  await step('meets a stale token as a 401 list', async () => {
    const response = await fetch(`${connection.instanceUrl}/services/data/v${version}/limits/`, {
      headers: { authorization: 'Bearer 00D!stale' },
    });
    assert.equal(response.status, 401);
    assert.deepEqual(await response.json(), [
      { message: 'Session expired or invalid', errorCode: 'INVALID_SESSION_ID' },
    ]);
  });
  let rotated;
  connection.on('refresh', (_token, answer) => { rotated = answer && answer.refresh_token; });
  await step('refreshes by itself, and is handed a new refresh token', async () => {
    await control('POST', 'end-session', { token: connection.accessToken });
    assert.equal((await connection.query('SELECT Id FROM Account LIMIT 1')).records.length, 1);
    assert.ok(rotated && rotated !== connection.refreshToken);
  });
  await step('kills its grant if it presents the old refresh token once more', async () => {
    await control('POST', 'end-session', { token: connection.accessToken });
    const error = await refusal(connection.query('SELECT Id FROM Account LIMIT 1'));
    assert.match(error.message, /expired access\/refresh token/);
    const { length, [length - 1]: family } = await control('GET', 'families');
    assert.equal(family.ended, 'reuse');
  });
}

await withPassword();
await withOauth();
console.log(`jsforce ${jsforce.VERSION}: all well`);
