-- What was asked for at consent, and what the service granted last.
ALTER TABLE trunkline_connections ADD COLUMN scopes TEXT;
