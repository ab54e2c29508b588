--- A record of Odoo begins its life in NAV.
--
-- Its number is either chosen by us, made of the Odoo id, and then it is the key by which
-- NAV is asked after an unknown outcome; or NAV's number series gives it, and then only a
-- field that the flow names tells whether a record came into being. Without such a field
-- an unknown outcome goes to a person: sending again could make a second one.

local json = require "navodoo.json"
local store = require "navodoo.store"
local time = require "navodoo.time"
local base = require "navodoo.engine.base"
local closing = require "navodoo.engine.closing"
local delivery = require "navodoo.engine.delivery"
local keys = require "navodoo.engine.keys"
local outcome = require "navodoo.engine.outcome"
local pair = require "navodoo.engine.pair"

local creating = {}

local function park(engine, txn, item, cause, text)
  closing.park(engine, txn, item, "review", outcome.alike(engine.flow.name, item.job, text, {}, cause))
end

--- Splits off the items whose earlier write may still land.
function creating.settle(engine, txn, items)
  for _, item in ipairs(items) do
    local effect = item.effect
    if effect then
      local since = effect.epoch == store.epoch() and effect.intended or engine.started_us
      if since + engine.settle_nav_us > time.now() then
        item.result = "retried"
        txn:add("job_retry", item.job.id, item.job.rev, since + engine.settle_nav_us, item.job.attempts, nil)
      end
    end
  end
end

--- The NAV key that a new record of this Odoo id gets, where we choose it.
---@param engine table
---@param id integer
---@return string|nil
function creating.number(engine, id)
  local number = engine.flow.policy.number
  if type(number) ~= "table" then return nil end
  return number.prefix .. ("%0" .. number.digits .. "d"):format(id)
end

--- NAV keys that creations under way may have made; true for "some, unknown"; nil for none.
---@param engine table
---@return table<string, true>|true|nil keys
---@return table|nil err
function creating.open(engine)
  local rows, err = store.query("effects_open", engine.flow.name)
  if not rows then return nil, err end
  local open
  for _, e in ipairs(rows) do
    if e.kind == "create" and e.endpoint == engine.nav.endpoint.name and e.record then
      local key = creating.number(engine, math.tointeger(tonumber(e.record)) or 0)
      if not key then return true end
      open = open or {}
      open[key] = true
    end
  end
  return open
end

local function found(engine, item, row)
  item.nav_key, item.created = row.key, true
  delivery.take(engine, item, row.record, row.etag)
  -- what Odoo holds is what was sent, or newer, and NAV's side is as we left it; but what
  -- was not sent, the number above all, is NAV's to tell
  local nav, odoo = {}, {}
  for _, field in ipairs(engine.odoo_fields) do odoo[field] = base.NOT_KNOWN end
  for _, field in ipairs(engine.flow.nav_fields) do nav[field] = row.record[field] end
  for _, entry in ipairs(engine.flow.entries) do
    local sent = false
    for _, field in ipairs(entry.to_nav and entry.nav or {}) do sent = sent or item.values[field] ~= nil end
    if not sent then -- so what is there by now somebody in NAV has entered
      for _, field in ipairs(entry.nav) do nav[field] = base.NOT_KNOWN end
      for _, field in ipairs(entry.to_nav and entry.odoo or {}) do odoo[field] = item.current[field] end
    end
  end
  item.landed = { nav = nav, odoo = odoo }
end

--- Asks NAV whether creations of unknown outcome came into being.
---@return boolean|nil ok
---@return table|nil err
function creating.probe(engine, txn, items)
  for _, item in ipairs(items) do
    if item.effect and item.effect.kind == "create" and not item.record then
      local policy, row = engine.flow.policy, nil
      local number = creating.number(engine, item.id)
      if number then
        local records, failed, etags = engine.nav:get(engine.entity, { number }, engine.nav_read_fields)
        if not records then return nil, failed end
        row = records[number] and { key = number, record = records[number], etag = etags[number] }
      elseif policy.probe and item.values[policy.probe] ~= nil then
        local page, failed = engine.nav:scan(engine.entity, { fields = engine.nav_read_fields, limit = 2,
          where = { { policy.probe, "eq", item.values[policy.probe] } } })
        if not page then return nil, failed end
        if #page.rows > 1 then
          park(engine, txn, item, "several", ("NAV has more than one record with %s %q; one of them may be that "
            .. "of %s %d"):format(policy.probe, tostring(item.values[policy.probe]), engine.model, item.id))
        end
        row = page.rows[1]
      else
        park(engine, txn, item, "lost answer", ("%s %d was sent to NAV as a new record and the answer was lost; "
          .. "the number series gives the number and the flow names no field (nav.probe) to find it by: look for "
          .. "it in NAV, link it or say that there is none"):format(engine.model, item.id))
      end
      if row and not item.result then found(engine, item, row) end
    end
  end
  return true
end

--- What a new NAV record is made of, in the declared order.
---@return table[]
function creating.body(engine, item)
  local body = {}
  for _, field in ipairs(engine.flow.nav_write_fields) do
    local value = item.values[field]
    if value ~= nil and value ~= json.null and value ~= "" then body[#body + 1] = { field, value } end
  end
  return body
end

--- The number that we chose belongs to somebody else already.
function creating.taken(engine, txn, item, err)
  park(engine, txn, item, "number", ("NAV has a record %s already, which is not that of %s %d: %s"):format(
    tostring(creating.number(engine, item.id)), engine.model, item.id, err.text))
end

--- Gives the Odoo records of new and adopted pairs their external id.
function creating.name(engine, items)
  for _, item in ipairs(items) do
    if not item.failed and (item.created or item.adopting) then
      item.xmlid = engine:xmlid(keys.nav(engine.company, item.nav_key))
      local ok, err = engine.odoo:link_xmlid(engine.model, item.id, item.xmlid)
      if not ok and err.class ~= "transient" and err.class ~= "unknown" then
        -- an earlier attempt may have got so far
        local ids, failed = engine.odoo:xmlids(engine.model, { item.xmlid })
        ok, err = ids and ids[item.xmlid] == item.id, failed or err
        if ids and ids[item.xmlid] and not ok then
          err = { class = "invalid", code = "taken", text = ("%s belongs to %s %d already"):format(item.nav_key,
            engine.model, ids[item.xmlid]), way_out = "see navodoo links; unlink or correct one of them first" }
        end
      end
      if not ok then -- NAV has the record: as unknown as a lost answer, and found the next time
        item.failed = { class = err.class == "invalid" and "invalid" or "unknown", code = err.code, text = err.text }
      end
    end
  end
end

--- What NAV gave the new record of its own (its number above all) is Odoo's to hear of.
function creating.plan(engine, items, cards, links)
  for _, item in ipairs(items) do
    if item.created and not item.verdicts and not item.failed then
      local said = pair.map(engine, "to_odoo", item.record,
        { creating = false, current = item.current, lookups = engine.lookups, links = links })
      pair.plan(engine, item, said or {}, item.values, cards)
      for _, v in ipairs(item.verdicts) do
        if v.what ~= "to_odoo" then v.what = "same" end
      end
    end
  end
end

return creating
