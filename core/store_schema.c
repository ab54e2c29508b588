#include "store_schema.h"

#define GROUP_MORE                                                          \
  "INSERT INTO parked_groups (flow, state, fingerprint, count)"              \
  " VALUES (new.flow, new.state, ifnull(new.fingerprint, ''), 1)"            \
  " ON CONFLICT (flow, state, fingerprint) DO UPDATE SET count = count + 1;"
#define OLD_GROUP                                                           \
  " WHERE flow = old.flow AND state = old.state"                             \
  " AND fingerprint = ifnull(old.fingerprint, '')"
#define GROUP_LESS                                                          \
  "UPDATE parked_groups SET count = count - 1" OLD_GROUP ";"                 \
  "DELETE FROM parked_groups" OLD_GROUP " AND count = 0;"

/* Part of triggers on jobs; `row` is new or old. */
#define COUNT_JOB(row, n)                                                    \
  "INSERT INTO job_totals VALUES (" row ".flow, " row ".direction, " row     \
  ".state, " n ") ON CONFLICT (flow, direction, state)"                      \
  " DO UPDATE SET count = count + " n ";"

/* Rowid tables with a unique index were measured against WITHOUT ROWID ones: the
 * wide rows stay in the order of arrival and only the narrow index is scattered.
 * `payload` is the last column, so reading the others never walks its overflow. */
const char *const nv_store_migrations[] = {
    /* 0 -> 1 */
    "PRAGMA application_id = 0x6e76646f;"
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;"
    /* AUTOINCREMENT: the journal names jobs long after they are gone. */
    "CREATE TABLE jobs ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " flow TEXT NOT NULL, direction TEXT NOT NULL, record TEXT NOT NULL,"
    " kind INTEGER NOT NULL,"
    /* Not IN: a list of more than two makes a temporary table for every row. */
    " state TEXT NOT NULL CHECK (state = 'ready' OR state = 'waiting'"
    " OR state = 'review' OR state = 'dead'),"
    " rev INTEGER NOT NULL, attempts INTEGER NOT NULL,"
    " due INTEGER NOT NULL, created INTEGER NOT NULL,"
    " version TEXT, hash TEXT, error TEXT, fingerprint TEXT, payload TEXT"
    ") STRICT;"
    "CREATE UNIQUE INDEX jobs_record ON jobs (flow, direction, record)"
    " WHERE kind = 0;"
    "CREATE INDEX jobs_due ON jobs (flow, due, id) WHERE state = 'ready';"
    "CREATE INDEX jobs_waiting ON jobs (flow) WHERE state = 'waiting';"
    "CREATE INDEX jobs_parked ON jobs (fingerprint, flow, state)"
    " WHERE state IN ('dead', 'review');"
    /* Never many, and gone soon: one tree less to keep counts for more than order. */
    "CREATE TABLE effects ("
    " key TEXT PRIMARY KEY, job INTEGER, endpoint TEXT, kind TEXT, image TEXT,"
    " intended INTEGER, epoch INTEGER"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX effects_job ON effects (job);"
    "CREATE TABLE links ("
    " id INTEGER PRIMARY KEY, flow TEXT NOT NULL, nav TEXT NOT NULL,"
    " odoo TEXT, xmlid TEXT, hash TEXT, nav_version TEXT, odoo_version TEXT,"
    " base TEXT, updated INTEGER"
    ") STRICT;"
    "CREATE UNIQUE INDEX links_nav ON links (flow, nav);"
    "CREATE UNIQUE INDEX links_odoo ON links (flow, odoo);"
    "CREATE TABLE cursors (name TEXT PRIMARY KEY, value TEXT, updated INTEGER)"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE journal ("
    " id INTEGER PRIMARY KEY, at INTEGER NOT NULL, flow TEXT, direction TEXT,"
    " record TEXT, job INTEGER, outcome TEXT, detail TEXT"
    ") STRICT;"
    "CREATE INDEX journal_record ON journal (flow, record);",
    /* 1 -> 2: deliveries of hooks that name themselves, to know the same one again. */
    "CREATE TABLE deliveries (n INTEGER PRIMARY KEY AUTOINCREMENT,"
    " hook TEXT NOT NULL, id TEXT NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX deliveries_id ON deliveries (hook, id);",
    /* 2 -> 3: two directions, decisions of a person, jobs that wait for a link.
     * Waiting jobs are few; the trigger costs a new link one look into their index,
     * and no closing transaction can forget to wake them. */
    "ALTER TABLE jobs ADD COLUMN decision TEXT;"
    "ALTER TABLE jobs ADD COLUMN waits_for TEXT;"
    "DROP INDEX jobs_due;"
    "CREATE INDEX jobs_due ON jobs (flow, direction, due, id)"
    " WHERE state = 'ready';"
    "CREATE INDEX jobs_waits ON jobs (waits_for) WHERE state = 'waiting';"
    "CREATE TRIGGER links_wake AFTER INSERT ON links BEGIN"
    " UPDATE jobs SET state = 'ready', due = NEW.updated, waits_for = NULL"
    " WHERE state = 'waiting' AND waits_for IN (NEW.flow || ' nav ' || NEW.nav,"
    " NEW.flow || ' odoo ' || NEW.odoo);"
    "END;",
    /* 3 -> 4: a base keeps the records of both sides and no longer what was mapped,
     * which cannot be turned back. Counting a journal of millions takes seconds, and
     * its size in memory. */
    "ALTER TABLE links ADD COLUMN odoo_hash TEXT;"
    "UPDATE links SET base = NULL;"
    "CREATE TABLE totals ("
    " flow TEXT NOT NULL, outcome TEXT NOT NULL, count INTEGER NOT NULL,"
    " PRIMARY KEY (flow, outcome)"
    ") STRICT, WITHOUT ROWID;"
    "INSERT INTO totals SELECT ifnull(flow, ''), ifnull(outcome, ''), count(*)"
    " FROM journal GROUP BY 1, 2;"
    "CREATE TRIGGER journal_total AFTER INSERT ON journal BEGIN"
    " INSERT INTO totals (flow, outcome, count)"
    " VALUES (ifnull(new.flow, ''), ifnull(new.outcome, ''), 1)"
    " ON CONFLICT (flow, outcome) DO UPDATE SET count = count + 1;"
    " END;",
    /* 4 -> 5: sources of generations; which of them wrote what. Journal and effects
     * hold the small id, not the hash. */
    "CREATE TABLE generations ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, flow TEXT NOT NULL, hash TEXT NOT NULL,"
    " file TEXT, source TEXT, lookups TEXT, stdlib TEXT, cause TEXT,"
    " first INTEGER, since INTEGER, until INTEGER"
    ") STRICT;"
    "CREATE UNIQUE INDEX generations_hash ON generations (flow, hash);"
    "ALTER TABLE effects ADD COLUMN generation INTEGER;"
    "ALTER TABLE journal ADD COLUMN generation INTEGER;",
    /* A page of records that are new to us, stored as one row: a first load of a
     * million would else write and delete a million jobs. Each flow counts its own. */
    "CREATE TABLE lots ("
    " id INTEGER PRIMARY KEY, flow TEXT NOT NULL, n INTEGER NOT NULL,"
    " direction TEXT NOT NULL, records INTEGER NOT NULL, created INTEGER NOT NULL,"
    " rows TEXT NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX lots_n ON lots (flow, n, records);"
    "CREATE TABLE lots_intended ("
    " flow TEXT NOT NULL, n INTEGER NOT NULL, at INTEGER NOT NULL,"
    " epoch INTEGER NOT NULL, generation INTEGER, PRIMARY KEY (flow, n)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TRIGGER lots_end AFTER DELETE ON lots BEGIN"
    " DELETE FROM lots_intended WHERE flow = old.flow AND n = old.n; END;",
    /* Dead letters and reviews by cause, counted as they come and go: with fifty thousand
     * of them nobody wants to read each to name three causes. A row leaves with its last
     * letter. What a person mends stands beside what was polled. */
    "ALTER TABLE jobs ADD COLUMN edited TEXT;"
    "DROP INDEX jobs_parked;"
    "CREATE INDEX jobs_parked ON jobs (state) WHERE state IN ('dead', 'review');"
    "CREATE INDEX jobs_cause ON jobs (fingerprint)"
    " WHERE state IN ('dead', 'review');"
    "CREATE TABLE parked_groups ("
    " flow TEXT NOT NULL, state TEXT NOT NULL, fingerprint TEXT NOT NULL,"
    " count INTEGER NOT NULL, PRIMARY KEY (flow, state, fingerprint)"
    ") STRICT, WITHOUT ROWID;"
    "INSERT INTO parked_groups SELECT flow, state, ifnull(fingerprint, ''), count(*)"
    " FROM jobs WHERE state IN ('dead', 'review') GROUP BY 1, 2, 3;"
    "CREATE TRIGGER jobs_parked_in AFTER INSERT ON jobs"
    " WHEN new.state IN ('dead', 'review') BEGIN " GROUP_MORE " END;"
    "CREATE TRIGGER jobs_parked_on AFTER UPDATE OF state, fingerprint ON jobs"
    " WHEN new.state IN ('dead', 'review') AND (new.state, new.fingerprint)"
    " IS NOT (old.state, old.fingerprint) BEGIN " GROUP_MORE " END;"
    "CREATE TRIGGER jobs_parked_off AFTER UPDATE OF state, fingerprint ON jobs"
    " WHEN old.state IN ('dead', 'review') AND (new.state, new.fingerprint)"
    " IS NOT (old.state, old.fingerprint) BEGIN " GROUP_LESS " END;"
    "CREATE TRIGGER jobs_parked_out AFTER DELETE ON jobs"
    " WHEN old.state IN ('dead', 'review') BEGIN " GROUP_LESS " END;",
    /* Who looks from outside every few seconds must not count a queue of millions: jobs
     * by state, and outcomes by direction, are kept as they change. An alert is owed
     * until a receiver took it. */
    "CREATE TABLE job_totals ("
    " flow TEXT NOT NULL, direction TEXT NOT NULL, state TEXT NOT NULL,"
    " count INTEGER NOT NULL, PRIMARY KEY (flow, direction, state)"
    ") STRICT, WITHOUT ROWID;"
    "INSERT INTO job_totals SELECT flow, direction, state, count(*) FROM jobs"
    " GROUP BY 1, 2, 3;"
    "CREATE TRIGGER jobs_in AFTER INSERT ON jobs BEGIN " COUNT_JOB("new", "1") " END;"
    "CREATE TRIGGER jobs_out AFTER DELETE ON jobs BEGIN " COUNT_JOB("old", "-1") " END;"
    "CREATE TRIGGER jobs_move AFTER UPDATE OF state ON jobs"
    " WHEN old.state <> new.state BEGIN "
    COUNT_JOB("old", "-1") COUNT_JOB("new", "1") " END;"
    "ALTER TABLE totals RENAME TO totals_before;"
    "CREATE TABLE totals ("
    " flow TEXT NOT NULL, outcome TEXT NOT NULL, direction TEXT NOT NULL,"
    " count INTEGER NOT NULL, PRIMARY KEY (flow, outcome, direction)"
    ") STRICT, WITHOUT ROWID;"
    "INSERT INTO totals SELECT flow, outcome, '', count FROM totals_before;"
    "DROP TRIGGER journal_total;"
    "DROP TABLE totals_before;"
    "CREATE TRIGGER journal_total AFTER INSERT ON journal BEGIN"
    " INSERT INTO totals (flow, outcome, direction, count) VALUES"
    " (ifnull(new.flow, ''), ifnull(new.outcome, ''), ifnull(new.direction, ''), 1)"
    " ON CONFLICT (flow, outcome, direction) DO UPDATE SET count = count + 1;"
    " END;"
    "CREATE TABLE alerts ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL,"
    " subject TEXT NOT NULL, flow TEXT, opened INTEGER NOT NULL,"
    " calm INTEGER, closed INTEGER, detail TEXT) STRICT;"
    "CREATE UNIQUE INDEX alerts_open ON alerts (kind, subject)"
    " WHERE closed IS NULL;"
    "CREATE TABLE alerts_owed ("
    " alert INTEGER NOT NULL, event TEXT NOT NULL, channel TEXT NOT NULL,"
    " attempts INTEGER NOT NULL, due INTEGER NOT NULL, error TEXT,"
    " PRIMARY KEY (alert, event, channel)) STRICT, WITHOUT ROWID;",
    /* Mostly nobody waits, and then a new link need not ask who waits for it: in a first
     * load that is half of what a link costs. */
    "DROP TRIGGER links_wake;"
    "CREATE TRIGGER links_wake AFTER INSERT ON links"
    " WHEN EXISTS (SELECT 1 FROM jobs WHERE state = 'waiting') BEGIN"
    " UPDATE jobs SET state = 'ready', due = NEW.updated, waits_for = NULL"
    " WHERE state = 'waiting' AND waits_for IN (NEW.flow || ' nav ' || NEW.nav,"
    " NEW.flow || ' odoo ' || NEW.odoo);"
    "END;",
    /* When a generation last got its turn; null: never. */
    "ALTER TABLE generations ADD COLUMN ran INTEGER;"
    "UPDATE generations SET ran = since;"
    /* A link that gets another partner is what its children waited for, too. */
    "CREATE TRIGGER links_wake_moved AFTER UPDATE OF odoo ON links"
    " WHEN NEW.odoo IS NOT OLD.odoo BEGIN"
    " UPDATE jobs SET state = 'ready', due = NEW.updated, waits_for = NULL"
    " WHERE state = 'waiting' AND waits_for = NEW.flow || ' odoo ' || NEW.odoo;"
    "END;",
};

const int nv_store_version =
    sizeof nv_store_migrations / sizeof *nv_store_migrations;

const nv_store_sql nv_store_ops[] = {
    {"job_put", 8,
     "INSERT INTO jobs (flow, direction, record, kind, state, rev, attempts,"
     " due, created, version, hash, payload)"
     " VALUES (?1, ?2, ?3, 0, 'ready', 1, 0, ?4, ?5, ?6, ?7, ?8)"
     " ON CONFLICT (flow, direction, record) WHERE kind = 0 DO UPDATE SET"
     " state = 'ready', rev = rev + 1, attempts = 0, due = excluded.due,"
     " version = excluded.version, hash = excluded.hash,"
     " payload = excluded.payload, error = NULL, fingerprint = NULL,"
     " edited = NULL, waits_for = NULL"
     " WHERE (jobs.hash = excluded.hash) IS NOT TRUE"},
    {"job_keep", 8, /* one that is there is newer */
     "INSERT INTO jobs (flow, direction, record, kind, state, rev, attempts,"
     " due, created, version, hash, payload)"
     " VALUES (?1, ?2, ?3, 0, 'ready', 1, 0, ?4, ?5, ?6, ?7, ?8)"
     " ON CONFLICT (flow, direction, record) WHERE kind = 0 DO NOTHING"},
    {"job_add", 8,
     "INSERT INTO jobs (flow, direction, record, kind, state, rev, attempts,"
     " due, created, version, hash, payload)"
     " VALUES (?1, ?2, ?3, 1, 'ready', 1, 0, ?4, ?5, ?6, ?7, ?8)"},
    {"job_hint", 6,
     "INSERT INTO jobs (flow, direction, record, kind, state, rev, attempts,"
     " due, created) SELECT ?1, ?2, ?3, 0, 'ready', 1, 0, ?4, ?4"
     " WHERE ?6 IS NULL OR NOT EXISTS"
     " (SELECT 1 FROM deliveries WHERE hook = ?5 AND id = ?6)"
     " ON CONFLICT (flow, direction, record) WHERE kind = 0 DO UPDATE SET"
     " due = iif(state = 'ready', max(due, excluded.due), excluded.due),"
     " attempts = iif(state = 'ready', attempts, 0),"
     " state = 'ready', rev = rev + 1, version = NULL, hash = NULL, payload = NULL,"
     " error = NULL, fingerprint = NULL, edited = NULL, waits_for = NULL"},
    {"delivery_put", 2, "INSERT OR IGNORE INTO deliveries (hook, id) VALUES (?1, ?2)"},
    {"deliveries_prune", 2,
     "DELETE FROM deliveries WHERE n IN (SELECT n FROM deliveries"
     " WHERE n <= (SELECT max(n) FROM deliveries) - ?1 ORDER BY n LIMIT ?2)"},
    {"job_done", 2, "DELETE FROM jobs WHERE id = ?1 AND rev = ?2"},
    {"job_retry", 5,
     "UPDATE jobs SET state = 'ready', due = ?3, attempts = ?4, error = ?5"
     " WHERE id = ?1 AND rev = ?2"},
    {"job_park", 6,
     "UPDATE jobs SET state = ?3, error = ?4, fingerprint = ?5, decision = ?6"
     " WHERE id = ?1 AND rev = ?2"},
    {"job_wait", 6, /* not when the link came between looking and parking */
     "UPDATE jobs SET state = CASE WHEN EXISTS (SELECT 1 FROM links"
     " WHERE flow = ?3 AND ((?4 = 'nav' AND nav = ?5) OR (?4 = 'odoo' AND odoo = ?5)))"
     " THEN 'ready' ELSE 'waiting' END, waits_for = ?3 || ' ' || ?4 || ' ' || ?5,"
     " error = ?6, fingerprint = NULL WHERE id = ?1 AND rev = ?2"},
    {"review_drop", 3,
     "DELETE FROM jobs WHERE flow = ?1 AND direction = ?2 AND record = ?3"
     " AND kind = 0 AND state = 'review'"},
    {"job_order", 5, /* the state job of a record, to be read again, with a decision */
     "INSERT INTO jobs (flow, direction, record, kind, state, rev, attempts,"
     " due, created, decision) VALUES (?1, ?2, ?3, 0, 'ready', 1, 0, ?4, ?4, ?5)"
     " ON CONFLICT (flow, direction, record) WHERE kind = 0 DO UPDATE SET"
     " state = 'ready', rev = rev + 1, attempts = 0, due = excluded.due,"
     " version = NULL, hash = NULL, payload = NULL, error = NULL,"
     " fingerprint = NULL, decision = excluded.decision, edited = NULL,"
     " waits_for = NULL"},
    {"job_decide", 3,
     "UPDATE jobs SET state = 'ready', decision = ?2, due = ?3, attempts = 0,"
     " error = NULL, fingerprint = NULL WHERE id = ?1 AND state = 'review'"},
    {"jobs_revive", 2,
     "UPDATE jobs SET state = 'ready', due = ?2, attempts = 0, error = NULL,"
     " fingerprint = NULL WHERE id IN (SELECT value FROM json_each(?1))"
     " AND state IN ('dead', 'review')"},
    {"job_edit", 3, /* what is null stays */
     "UPDATE jobs SET edited = ifnull(?2, edited), decision = ifnull(?3, decision)"
     " WHERE id = ?1 AND state IN ('dead', 'review')"},
    {"job_import", 13, /* what is there already is at most mended by it */
     "INSERT INTO jobs (flow, direction, record, kind, state, rev, attempts, due,"
     " created, version, hash, error, fingerprint, decision, edited, payload)"
     " VALUES (?1, ?2, ?3, 0, ?4, 1, ?5, ?6, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
     " ON CONFLICT (flow, direction, record) WHERE kind = 0 DO UPDATE SET"
     " edited = ifnull(excluded.edited, edited),"
     " decision = ifnull(excluded.decision, decision)"
     " WHERE state IN ('dead', 'review') AND hash IS excluded.hash"
     " AND (ifnull(excluded.edited, edited), ifnull(excluded.decision, decision))"
     " IS NOT (edited, decision)"},
    {"jobs_settle", 2,
     "UPDATE jobs SET due = max(due, ?2) WHERE flow = ?1"
     " AND id IN (SELECT job FROM effects)"},
    {"job_drop", 1, "DELETE FROM jobs WHERE id = ?1"},
    {"effect_intend", 8,
     "INSERT INTO effects (key, job, endpoint, kind, image, intended, epoch,"
     " generation)"
     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (key) DO UPDATE SET"
     " job = excluded.job, endpoint = excluded.endpoint, kind = excluded.kind,"
     " image = excluded.image, intended = excluded.intended,"
     " epoch = excluded.epoch, generation = excluded.generation"},
    {"effect_of_record", 10,
     "INSERT OR REPLACE INTO effects (key, job, endpoint, kind, image, intended,"
     " epoch, generation) SELECT ?1, id, ?5, ?6, ?7, ?8, ?9, ?10 FROM jobs"
     " WHERE flow = ?2 AND direction = ?3 AND record = ?4 AND kind = 0"},
    {"lot_put", 6,
     "INSERT INTO lots (flow, n, direction, records, created, rows)"
     " VALUES (?1, ?2, ?3, ?4, ?5, ?6)"},
    {"lot_intend", 5,
     "INSERT OR REPLACE INTO lots_intended (flow, n, at, epoch, generation)"
     " VALUES (?1, ?2, ?3, ?4, ?5)"},
    {"lot_done", 2, "DELETE FROM lots WHERE flow = ?1 AND n = ?2"},
    {"effect_done", 1, "DELETE FROM effects WHERE key = ?1"},
    {"effects_drop", 1, "DELETE FROM effects WHERE job = ?1"},
    {"link_put", 10,
     "INSERT INTO links (flow, nav, odoo, xmlid, hash, nav_version,"
     " odoo_version, odoo_hash, base, updated)"
     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
     " ON CONFLICT (flow, nav) DO UPDATE SET odoo = excluded.odoo,"
     " xmlid = excluded.xmlid, hash = excluded.hash,"
     " nav_version = excluded.nav_version, odoo_version = excluded.odoo_version,"
     " odoo_hash = excluded.odoo_hash, base = excluded.base, updated = excluded.updated"},
    {"link_seen", 5,
     "UPDATE links SET hash = ?3, nav_version = ?4, updated = ?5"
     " WHERE flow = ?1 AND nav = ?2"},
    {"link_drop", 2, "DELETE FROM links WHERE flow = ?1 AND nav = ?2"},
    {"cursor_put", 3,
     "INSERT INTO cursors (name, value, updated) VALUES (?1, ?2, ?3)"
     " ON CONFLICT (name) DO UPDATE SET value = excluded.value,"
     " updated = excluded.updated"},
    {"cursor_drop", 1, "DELETE FROM cursors WHERE name = ?1"},
    {"journal_add", 8,
     "INSERT INTO journal (at, flow, direction, record, job, outcome, detail,"
     " generation) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
    /* Ids and instants grow together, so no index on `at`. */
    {"journal_prune", 2,
     "DELETE FROM journal WHERE at < ?1"
     " AND id IN (SELECT id FROM journal ORDER BY id LIMIT ?2)"},
    {"store_shrink", 0, "PRAGMA incremental_vacuum(100)"},
    {"generation_put", 9, /* the id is given: a reload needs it before the commit */
     "INSERT INTO generations (id, flow, hash, file, source, lookups, stdlib, cause,"
     " first, since) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)"
     " ON CONFLICT (flow, hash) DO UPDATE SET file = excluded.file,"
     " stdlib = excluded.stdlib, cause = excluded.cause, since = excluded.since,"
     " until = NULL"},
    {"generation_ran", 2, "UPDATE generations SET ran = ?2 WHERE id = ?1"},
    {"generation_refused", 1, "DELETE FROM generations WHERE id = ?1 AND ran IS NULL"},
    {"generation_end", 2, "UPDATE generations SET until = ?2 WHERE id = ?1"},
    /* Journal rows are in the order of time: what ended before the oldest one, and
     * has no open effect, is referred to by nothing. */
    {"generations_prune", 2,
     "DELETE FROM generations WHERE until IS NOT NULL"
     " AND until < ifnull((SELECT at FROM journal ORDER BY id LIMIT 1), ?1)"
     " AND id NOT IN (SELECT generation FROM effects WHERE generation IS NOT NULL)"
     " AND id NOT IN (SELECT generation FROM lots_intended"
     " WHERE generation IS NOT NULL)"
     " AND (SELECT count(*) FROM generations g WHERE g.flow = generations.flow"
     " AND g.since > generations.since) >= ?2"},
    {"alert_open", 5,
     "INSERT INTO alerts (kind, subject, flow, opened, detail)"
     " VALUES (?1, ?2, ?3, ?4, ?5)"},
    {"alert_calm", 2, "UPDATE alerts SET calm = ?2 WHERE id = ?1"},
    {"alert_close", 2, "UPDATE alerts SET closed = ?2 WHERE id = ?1"},
    {"alert_owe", 5, /* before alert_close, after alert_open */
     "INSERT OR IGNORE INTO alerts_owed (alert, event, channel, attempts, due)"
     " SELECT id, ?3, ?4, 0, ?5 FROM alerts"
     " WHERE kind = ?1 AND subject = ?2 AND closed IS NULL"},
    {"alert_retry", 6,
     "UPDATE alerts_owed SET attempts = ?4, due = ?5, error = ?6"
     " WHERE alert = ?1 AND event = ?2 AND channel = ?3"},
    {"alert_sent", 3,
     "DELETE FROM alerts_owed WHERE alert = ?1 AND event = ?2 AND channel = ?3"},
    {"alerts_prune", 1,
     "DELETE FROM alerts WHERE closed IS NOT NULL"
     " AND id <= (SELECT max(id) FROM alerts) - ?1"
     " AND id NOT IN (SELECT alert FROM alerts_owed)"},
    {"meta_put", 2,
     "INSERT INTO meta (key, value) VALUES (?1, ?2)"
     " ON CONFLICT (key) DO UPDATE SET value = excluded.value"},
};

const int nv_store_ops_count = sizeof nv_store_ops / sizeof *nv_store_ops;

#define LINK_COLUMNS                                                        \
  "id, flow, nav, odoo, xmlid, hash, nav_version, odoo_version, odoo_hash,"  \
  " base, updated"
#define JOB_COLUMNS                                                         \
  "id, flow, direction, record, kind, state, rev, attempts, due, created,"  \
  " version, hash, error, fingerprint, decision, waits_for, edited"
#define EFFECT_COLUMNS                                                      \
  "e.key, e.job, e.endpoint, e.kind, e.image, e.intended, e.epoch,"         \
  " e.generation"
#define GENERATION_COLUMNS                                                  \
  "id, flow, hash, file, stdlib, cause, first, since, until, ran"
#define DUE_COLUMNS                                                         \
  "id, record, rev, attempts, version, hash, decision, edited, created"
#define JOURNAL_COLUMNS                                                     \
  "id, at, flow, direction, record, job, outcome, detail, generation"

const nv_store_sql nv_store_queries[] = {
    {"jobs_due", 6,
     "SELECT " DUE_COLUMNS " FROM jobs"
     " WHERE flow = ?1 AND direction = ?2 AND state = 'ready' AND due <= ?3"
     " AND id NOT IN (SELECT value FROM json_each(?4))"
     /* one whose effect was intended by another generation is not ours */
     " AND NOT EXISTS (SELECT 1 FROM effects e WHERE e.job = jobs.id"
     " AND e.generation <> ?6) ORDER BY due, id LIMIT ifnull(?5, 1000)"},
    {"jobs_pinned", 6,
     "SELECT " DUE_COLUMNS " FROM jobs"
     " WHERE flow = ?1 AND direction = ?2 AND state = 'ready' AND due <= ?3"
     " AND id NOT IN (SELECT value FROM json_each(?4))"
     " AND id IN (SELECT job FROM effects WHERE generation = ?6)"
     " ORDER BY due, id LIMIT ifnull(?5, 1000)"},
    {"job_payloads", 1,
     "SELECT id, rev, version, hash, decision, edited, payload FROM jobs"
     " WHERE id IN (SELECT value FROM json_each(?1))"},
    {"jobs_next_due", 3,
     "SELECT due FROM jobs"
     " WHERE flow = ?1 AND direction = ?2 AND state = 'ready'"
     " AND NOT EXISTS (SELECT 1 FROM effects e WHERE e.job = jobs.id"
     " AND e.generation <> ?3) ORDER BY due, id LIMIT 1"},
    {"jobs_pinned_next_due", 3,
     "SELECT min(due) AS due FROM jobs"
     " WHERE flow = ?1 AND direction = ?2 AND state = 'ready'"
     " AND id IN (SELECT job FROM effects WHERE generation = ?3)"},
    {"jobs_waiting", 2,
     "SELECT count(*) AS count FROM jobs"
     " WHERE flow = ?1 AND direction = ?2 AND state = 'waiting'"},
    {"generations_pinned", 2,
     "SELECT e.generation, count(DISTINCT j.id) AS count, min(j.due) AS due"
     " FROM effects e JOIN jobs j ON j.id = e.job"
     " WHERE j.flow = ?1 AND e.generation <> ifnull(?2, 0) AND j.state = 'ready'"
     " GROUP BY e.generation ORDER BY e.generation"},
    {"job", 1, "SELECT " JOB_COLUMNS ", payload FROM jobs WHERE id = ?1"},
    {"jobs_list", 4,
     "SELECT " JOB_COLUMNS " FROM jobs WHERE id > ifnull(?3, 0)"
     " AND (?1 IS NULL OR flow = ?1) AND (?2 IS NULL OR state = ?2)"
     " ORDER BY id LIMIT ifnull(?4, 1000)"},
    {"jobs_counts", 0,
     "SELECT flow, direction, state, count FROM job_totals WHERE count > 0"
     " ORDER BY flow, direction, state"},
    {"lots_counts", 0,
     "SELECT flow, sum(records) AS count FROM lots GROUP BY flow ORDER BY flow"},
    {"lots", 1,
     "SELECT l.n, l.direction, l.created, i.at, i.epoch, i.generation, l.rows"
     " FROM lots l LEFT JOIN lots_intended i ON i.flow = l.flow AND i.n = l.n"
     " WHERE l.flow = ?1 ORDER BY l.n"},
    {"known", 3,
     "SELECT id, nav AS record, hash, 'link' AS state FROM links"
     " WHERE flow = ?1 AND nav IN (SELECT CAST(value AS TEXT) FROM json_each(?3))"
     " UNION ALL SELECT id, record, hash, state FROM jobs"
     " WHERE flow = ?1 AND direction = ?2 AND kind = 0"
     " AND record IN (SELECT CAST(value AS TEXT) FROM json_each(?3))"},
    {"jobs_backlog", 1,
     "SELECT count(*) AS count FROM jobs WHERE flow = ?1 AND state = 'ready'"},
    {"jobs_backlog_way", 2,
     "SELECT count(*) AS count FROM jobs WHERE flow = ?1 AND direction = ?2"
     " AND state = 'ready'"},
    {"jobs_by_record", 3,
     "SELECT id, record, hash, state, rev FROM jobs"
     " WHERE flow = ?1 AND direction = ?2 AND kind = 0"
     " AND record IN (SELECT CAST(value AS TEXT) FROM json_each(?3))"},
    {"dead_groups", 0, /* the letters themselves are not read, but the oldest of each */
     "SELECT g.fingerprint, g.flow, g.state, g.count, j.id AS oldest, j.error"
     " FROM parked_groups g LEFT JOIN jobs j ON j.id ="
     " (SELECT o.id FROM jobs o WHERE o.state IN ('dead', 'review')"
     " AND o.fingerprint = g.fingerprint AND o.flow = g.flow AND o.state = g.state"
     " ORDER BY o.id LIMIT 1) ORDER BY g.count DESC, oldest"},
    {"parked_list", 4,
     "SELECT " JOB_COLUMNS " FROM jobs WHERE state = ?2"
     " AND state IN ('dead', 'review') AND id > ifnull(?3, 0)"
     " AND (?1 IS NULL OR flow = ?1) ORDER BY id LIMIT ifnull(?4, 1000)"},
    {"parked_of_group", 4,
     "SELECT " JOB_COLUMNS " FROM jobs WHERE fingerprint = ?2"
     " AND state IN ('dead', 'review') AND id > ifnull(?3, 0)"
     " AND (?1 IS NULL OR flow = ?1) ORDER BY id LIMIT ifnull(?4, 1000)"},
    {"effects_by_key", 1, /* not by job: a person may have dropped the one that wrote */
     "SELECT " EFFECT_COLUMNS " FROM effects e"
     " WHERE key IN (SELECT value FROM json_each(?1)) ORDER BY e.key"},
    {"effects_open", 2, /* all of them: who asks must not miss one */
     "SELECT " EFFECT_COLUMNS ", j.flow, j.record, j.state FROM effects e"
     " LEFT JOIN jobs j ON j.id = e.job"
     " WHERE (?1 IS NULL OR j.flow = ?1) AND (?2 IS NULL OR e.endpoint = ?2)"
     " ORDER BY e.intended, e.key"},
    {"links_by_nav", 2,
     "SELECT " LINK_COLUMNS " FROM links"
     " WHERE flow = ?1 AND nav IN (SELECT CAST(value AS TEXT) FROM json_each(?2))"},
    {"links_by_odoo", 2,
     "SELECT " LINK_COLUMNS " FROM links"
     " WHERE flow = ?1 AND odoo IN (SELECT CAST(value AS TEXT) FROM json_each(?2))"},
    {"links_list", 3,
     "SELECT " LINK_COLUMNS " FROM links"
     " WHERE id > ifnull(?2, 0) AND (?1 IS NULL OR flow = ?1)"
     " ORDER BY id LIMIT ifnull(?3, 1000)"},
    /* Without the base, which nobody needs who only asks which links there are. */
    {"links_until", 4,
     "SELECT id, nav, odoo, hash, odoo_hash, updated FROM links"
     " WHERE flow = ?1 AND id > ?2 AND id <= ?3 ORDER BY id LIMIT ifnull(?4, 1000)"},
    {"links_last", 0, "SELECT ifnull(max(id), 0) AS id FROM links"},
    {"known_odoo", 2,
     "SELECT id, odoo AS record, odoo_hash AS hash, 'link' AS state FROM links"
     " WHERE flow = ?1 AND odoo IN (SELECT CAST(value AS TEXT) FROM json_each(?2))"
     " UNION ALL SELECT id, record, hash, state FROM jobs"
     " WHERE flow = ?1 AND direction = 'odoo_to_nav' AND kind = 0"
     " AND record IN (SELECT CAST(value AS TEXT) FROM json_each(?2))"},
    {"links_count", 0,
     "SELECT flow, count(*) AS count FROM links GROUP BY flow ORDER BY flow"},
    {"cursor", 1, "SELECT value, updated FROM cursors WHERE name = ?1"},
    {"cursors_list", 0,
     "SELECT name, value, updated FROM cursors ORDER BY name"},
    {"journal_tail", 3, /* by record: through the index; else from the end */
     "SELECT " JOURNAL_COLUMNS " FROM journal"
     " WHERE flow = ?1 AND record = ?2 UNION ALL "
     "SELECT " JOURNAL_COLUMNS " FROM journal"
     " WHERE (?1 IS NULL OR ?2 IS NULL) AND (?1 IS NULL OR flow = ?1)"
     " AND (?2 IS NULL OR record = ?2)"
     " ORDER BY id DESC LIMIT ifnull(?3, 1000)"},
    {"journal_counts", 2, /* the inner query stops at the first older row */
     "SELECT flow, outcome, sum(count) AS count FROM totals"
     " WHERE ?2 <= 0 AND (?1 IS NULL OR flow = ?1) GROUP BY flow, outcome UNION ALL "
     "SELECT flow, outcome, count(*) AS count FROM journal"
     " WHERE ?2 > 0 AND id > ifnull((SELECT id FROM journal WHERE at < ?2"
     " ORDER BY id DESC LIMIT 1), 0) AND (?1 IS NULL OR flow = ?1)"
     " GROUP BY flow, outcome ORDER BY 1, 2"},
    {"parked_counts", 0,
     "SELECT flow, state, count(*) AS groups, sum(count) AS count"
     " FROM parked_groups GROUP BY flow, state ORDER BY flow, state"},
    {"alerts_count", 0,
     "SELECT (SELECT count(*) FROM alerts WHERE closed IS NULL) AS open,"
     " (SELECT count(*) FROM alerts_owed) AS owed"},
    {"totals", 0,
     "SELECT flow, direction, outcome, count FROM totals"
     " ORDER BY flow, direction, outcome"},
    {"alerts_open", 0,
     "SELECT id, kind, subject, flow, opened, calm, detail FROM alerts"
     " WHERE closed IS NULL ORDER BY id"},
    {"alerts_owed", 1,
     "SELECT o.alert, o.event, o.channel, o.attempts, o.due, o.error, a.kind,"
     " a.subject, a.flow, a.opened, a.closed, a.detail FROM alerts_owed o"
     " JOIN alerts a ON a.id = o.alert"
     " ORDER BY o.alert, o.event DESC, o.channel LIMIT ifnull(?1, 1000)"},
    {"alerts_list", 1,
     "SELECT id, kind, subject, flow, opened, closed, detail FROM alerts"
     " ORDER BY id DESC LIMIT ifnull(?1, 1000)"},
    {"generation", 2,
     "SELECT " GENERATION_COLUMNS ", source, lookups FROM generations"
     " WHERE flow = ?1 AND hash = ?2"},
    {"generations_last", 0, /* the highest id that was ever given */
     "SELECT ifnull(max(seq), 0) AS id FROM sqlite_sequence WHERE name = 'generations'"},
    {"generation_by_id", 1,
     "SELECT " GENERATION_COLUMNS ", source, lookups FROM generations WHERE id = ?1"},
    {"generations_list", 1,
     "SELECT " GENERATION_COLUMNS ", (SELECT count(DISTINCT job) FROM effects e"
     " WHERE e.generation = generations.id) + (SELECT ifnull(sum(l.records), 0)"
     " FROM lots_intended i JOIN lots l ON l.flow = i.flow AND l.n = i.n"
     " WHERE i.generation = generations.id) AS pinned FROM generations"
     " WHERE ?1 IS NULL OR flow = ?1 ORDER BY flow, since DESC, id DESC"},
    {"store_size", 0,
     "SELECT page_count AS pages, freelist_count AS free, page_size"
     " FROM pragma_page_count, pragma_freelist_count, pragma_page_size"},
    {"meta", 1, "SELECT value FROM meta WHERE key = ?1"},
    {"meta_list", 1, /* the keys that begin so */
     "SELECT key, value FROM meta WHERE key >= ?1 AND key < ?1 || char(1114111)"
     " AND value IS NOT NULL ORDER BY key"},
};

const int nv_store_queries_count =
    sizeof nv_store_queries / sizeof *nv_store_queries;
