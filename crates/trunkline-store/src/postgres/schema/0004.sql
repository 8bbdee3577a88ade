-- When the consent was completed that the grant is of.
ALTER TABLE trunkline_connections ADD COLUMN IF NOT EXISTS granted_at bigint;
