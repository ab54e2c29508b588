--- Are these still the systems that the links were made with?
--
-- A test database that was cloned from production, or a system that was restored from a
-- backup, must not be synchronised as if nothing had happened: a clone would be written to
-- in production's name, a restored one would have a year of its records replayed or taken
-- for news. So the store remembers
--
--   * Odoo's own name of its database (`database.uuid`): Odoo gives a copy another one.
--     Reading it takes the right Administration/Settings; without it the rest has to do.
--   * the companies that this flow pairs
--   * the records that were brought in step last, as *witnesses*: their row version in NAV
--     and their write_date in Odoo can only grow. One that is older now, or all of them
--     gone, is a system that went back in time.
--
-- It looks before each walk. Where something does not fit the flow stops, says what was
-- expected and what was found, and waits for a person's `navodoo accept ENDPOINT`.

local json = require "navodoo.json"
local log = require "navodoo.log"
local store = require "navodoo.store"
local time = require "navodoo.time"
local keys = require "navodoo.engine.keys"

local identity = {}

local WITNESSES <const>, ENOUGH <const> = 5, 3
--- They are written down at most this often, and looked at again after this long.
local NOTE_US <const>, LOOK_US <const> = 1000000, 5000000
--- A server's clock may have been set back so much, in seconds.
local SLACK_S <const> = 2

-- ---- what is remembered -------------------------------------------------------------------

local function meta(key)
  local rows, err = store.query("meta", key)
  if not rows then return nil, err end
  local text = rows[1] and rows[1].value
  return text and json.decode(text) or nil
end

local function witness_key(engine) return "witness:" .. engine.flow.name end

--- Remembers a record that is in step now; writes the last few down, once a second.
---@param engine table
---@param txn navodoo.Txn  the one that closes the record
---@param record string    its name in the store
---@param etag string|nil
---@param id integer
---@param write_date string|nil
function identity.note(engine, txn, record, etag, id, write_date)
  local list = engine.witnesses or {}
  engine.witnesses = list
  for i = #list, 1, -1 do
    if list[i].nav == record then table.remove(list, i) end
  end
  list[#list + 1] = { nav = record, etag = etag, odoo = id, write_date = write_date }
  if #list > WITNESSES then table.remove(list, 1) end
  local now = time.now()
  if now - (engine.witnessed or 0) < NOTE_US then return end
  engine.witnessed = now
  txn:add("meta_put", witness_key(engine), assert(json.encode {
    company = engine.company, company_id = engine.odoo.endpoint.company_id, list = json.array(list) }))
end

--- The row version inside a NAV ETag: a number that grows with every write in the
-- database; nil where this server's ETags are of another make.
--
-- An ETag is a chain `<length>;<text>` of a bookmark, the row version and an end.
---@param etag string|nil
---@return integer|nil
function identity.row_version(etag)
  if not etag then return nil end
  local chain = etag:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  local length, rest = chain:match "(%d+);(.*)$"
  length = length and math.tointeger(tonumber(length))
  if not length or #rest <= length then return nil end
  local n, version = rest:sub(length + 1):match "^(%d+);(%d+)"
  if not n or #version < tonumber(n) then return nil end
  return math.tointeger(tonumber(version:sub(1, tonumber(n))))
end

-- ---- looking --------------------------------------------------------------------------------

local function stop(engine, endpoint, text)
  return nil, { class = "fingerprint", code = endpoint, endpoint = endpoint,
    text = ("%s: %s; nothing is written for flow %s. When this is the right system all the same, say so: "
      .. "navodoo accept %s"):format(endpoint, text, engine.flow.name, endpoint) }
end

--- Odoo's name of its database, against the one that is known.
local function look_at_database(engine)
  local name = engine.odoo.endpoint.name
  local uuid, err = engine.odoo:database_uuid()
  if uuid == nil then
    if err.class == "transient" or err.class == "unknown" then return true end -- the walk will say so
    if not engine.no_uuid then
      log.info("the name of Odoo's database cannot be read, so a copy is known by its records only: " .. err.text,
               { flow = engine.flow.name })
    end
    engine.no_uuid = true
    return true
  end
  local key = "fingerprint:" .. name
  local known, failed = meta(key)
  if failed then return nil, { class = "transient", text = failed.text } end
  if not known then return store.apply { { "meta_put", key, assert(json.encode { uuid = uuid }) } } end
  if known.uuid == uuid then return true end
  return stop(engine, name, ("this is another database than the one that the links belong to, a copy perhaps: "
    .. "its database.uuid is %s, expected %s"):format(uuid, known.uuid))
end

local function seconds(stamp) return stamp and (time.parse_iso(stamp) or 0) // 1000000 end

local function nav_went_back(engine, list)
  local wanted = {}
  for i, w in ipairs(list) do wanted[i] = keys.nav_key(engine.company, w.nav) end
  local records, err, etags = engine.nav:get(engine.entity, wanted, {})
  if not records then return err.class ~= "transient" and err.class ~= "unknown" and err or nil end
  local there = 0
  for i, w in ipairs(list) do
    local etag = etags[wanted[i]]
    if records[wanted[i]] then there = there + 1 end
    local was, is = identity.row_version(w.etag), identity.row_version(etag)
    if was and is and is < was then
      return select(2, stop(engine, engine.nav.endpoint.name, ("it went back in time, restored perhaps: the row "
        .. "version of %s is %d, and was %d already"):format(w.nav, is, was)))
    end
  end
  if there == 0 and #list >= ENOUGH then
    return select(2, stop(engine, engine.nav.endpoint.name, ("it went back in time, or is another system: none of "
      .. "the %d records that were brought in step last is there (%s, ...)"):format(#list, list[#list].nav)))
  end
end

local function odoo_went_back(engine, list)
  local wanted = {}
  for i, w in ipairs(list) do wanted[i] = w.odoo end
  local records, err = engine.odoo:read(engine.model, wanted, { "write_date" })
  if not records then return err.class ~= "transient" and err.class ~= "unknown" and err or nil end
  local by_id = {}
  for _, record in ipairs(records) do by_id[record.id] = record end
  for _, w in ipairs(list) do
    local was, is = seconds(w.write_date), by_id[w.odoo] and seconds(by_id[w.odoo].write_date)
    if was and is and is < was - SLACK_S then
      return select(2, stop(engine, engine.odoo.endpoint.name, ("it went back in time, restored perhaps: %s %d was "
        .. "written %s, and %s already"):format(engine.model, w.odoo, by_id[w.odoo].write_date, w.write_date)))
    end
  end
  if #records == 0 and #list >= ENOUGH then
    return select(2, stop(engine, engine.odoo.endpoint.name, ("it went back in time, or is another system: none of "
      .. "the %d records that were brought in step last is there (%s %d, ...)"):format(#list, engine.model,
      list[#list].odoo)))
  end
end

local function look_at_witnesses(engine)
  local known, failed = meta(witness_key(engine))
  if failed then return nil, { class = "transient", text = failed.text } end
  if not known or #known.list == 0 then return true end
  local id = engine.odoo.endpoint.company_id
  if known.company ~= engine.company or known.company_id and id and known.company_id ~= id then
    local which = known.company ~= engine.company and engine.nav.endpoint.name or engine.odoo.endpoint.name
    return stop(engine, which, ("its links pair %s of NAV with company %s of Odoo, navodoo.lua pairs %s with %s; "
      .. "a pair of its own has a name of its own (companies)"):format(known.company,
      tostring(known.company_id or "(the user's)"), engine.company, tostring(id or "(the user's)")))
  end
  local went_back = nav_went_back(engine, known.list) or odoo_went_back(engine, known.list)
  if went_back then return nil, went_back end
  return true
end

--- Looks whether both systems are those that the links were made with. Asks them, so it
-- may fail as any call does.
---@param engine table
---@return true|nil ok
---@return table|nil err  class "fingerprint": the flow must not go on
function identity.check(engine)
  if time.now() - (engine.fingerprinted or 0) < LOOK_US then return true end
  local ok, err = look_at_database(engine)
  if ok then ok, err = look_at_witnesses(engine) end
  if ok then engine.fingerprinted = time.now() end
  return ok, err
end

--- Looks before a walk; a flow that must not go on ends, and says why.
---@param engine table
---@return boolean go_on
function identity.guard(engine)
  local ok, err = identity.check(engine)
  if ok or err.class ~= "fingerprint" then return true end -- what else fails, the walk will meet
  engine:halt(err)
  return false
end

--- Forgets what is known of an endpoint: what is there now is right. Operations for the
-- store: the endpoint's own mark, the witnesses of every flow, and where they had read to,
-- so that the next walk reads all rows (what did not change makes no work).
---@param endpoint string
---@return table[]|nil ops
---@return table|nil err
function identity.forget(endpoint)
  local rows, err = store.query("meta_list", "witness:")
  if not rows then return nil, err end
  local ops = { { "meta_put", "fingerprint:" .. endpoint, nil } }
  for _, row in ipairs(rows) do ops[#ops + 1] = { "meta_put", row.key, nil } end
  rows, err = store.query "cursors_list"
  if not rows then return nil, err end
  for _, row in ipairs(rows) do
    if row.name:match "^[^/]*/([^/]*)/" == endpoint then ops[#ops + 1] = { "cursor_drop", row.name } end
  end
  return ops
end

return identity
