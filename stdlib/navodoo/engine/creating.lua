--- A record of Odoo begins its life in NAV.
--
-- Its number is either chosen by us, made of the Odoo id, and then the key is known before the
-- record is sent; or NAV's number series gives it, and then a field that the flow names
-- (nav.probe) tells whether a record came into being. Both are in the intent of the creation,
-- which unknown.lua settles after a lost answer. From the moment that NAV has the record it is
-- never forgotten: what fails afterwards leaves a link, or an open effect.

local json = require "navodoo.json"
local store = require "navodoo.store"
local base = require "navodoo.engine.base"
local closing = require "navodoo.engine.closing"
local delivery = require "navodoo.engine.delivery"
local intent = require "navodoo.engine.intent"
local keys = require "navodoo.engine.keys"
local outcome = require "navodoo.engine.outcome"
local pair = require "navodoo.engine.pair"
local sending = require "navodoo.engine.sending"

local creating = {}

--- The NAV key that a new record of this Odoo id gets, where we choose it.
---@param engine table
---@param id integer
---@return string|nil
function creating.number(engine, id)
  local number = engine.flow.policy.number
  if type(number) ~= "table" then return nil end
  return number.prefix .. ("%0" .. number.digits .. "d"):format(id)
end

--- The key of a NAV record that holds these values; nil where a part is NAV's to give.
---@param engine table
---@param values table
---@return any
function creating.key(engine, values)
  for _, name in ipairs(engine.nav_schema.key) do
    if values[name] == nil or values[name] == "" then return nil end
  end
  return engine.nav:key(engine.nav_schema, values)
end

---@class navodoo.OpenCreation  a NAV record that may come into being, or have done so
---@field key any
---@field probe any       what it carries in the field that the flow names
---@field parked boolean  its job waits for a person

--- Creations whose outcome nobody knows, those under way among them.
---@param engine table
---@return navodoo.OpenCreation[]|nil
---@return table|nil err
function creating.open(engine)
  local rows, err = store.query("effects_open", engine.flow.name, engine.nav.endpoint.name)
  if not rows then return nil, err end
  local open, probe = {}, engine.flow.policy.probe
  for _, e in ipairs(rows) do
    if e.kind == "create" then
      local known = intent.read(e)
      open[#open + 1] = { key = known and known.key or creating.number(engine, math.tointeger(tonumber(e.record)) or 0),
                          probe = known and probe and known.sent[probe], parked = e.state ~= "ready" }
    end
  end
  return open
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
  closing.park(engine, txn, item, "review", outcome.alike(engine.flow.name, item.job,
    ("NAV has a record %s already, which is not that of %s %d: %s"):format(
      tostring(creating.key(engine, item.values)), engine.model, item.id, err.text), {}, "number"))
end

--- Gives an Odoo record the external id of its NAV record.
---@return boolean|nil ok
---@return table|nil err
function creating.name(engine, item)
  item.xmlid = engine:xmlid(keys.nav(engine.company, item.nav_key))
  return sending.name(engine, item, "NAV's " .. tostring(item.nav_key))
end

--- Gives the Odoo records of new and adopted pairs their external id. NAV has the record
-- whatever becomes of that: a refusal waits for a person, any other failure is as unknown as
-- a lost answer, and the record is found the next time.
function creating.name_all(engine, items)
  for _, item in ipairs(items) do
    if not item.failed and (item.created or item.adopting) then
      local ok, err = creating.name(engine, item)
      if not ok then
        item.failed = { class = err.class == "invalid" and "invalid" or "unknown", code = err.code, text = err.text,
                        way_out = err.way_out }
        item.unsure = item.created ~= nil
      end
    end
  end
end

--- The base of a pair whose NAV record a creation of ours made: what NAV gave it on its own is
-- NAV's to tell, and what it does not hold as it was sent stays a difference: still to be
-- delivered where `doubt` is "undelivered"; NAV's own word ("answered"); or, when nobody has
-- seen NAV's answer, the word of somebody that nobody knows ("unknown"), but for what NAV's code
-- is known to have put there.
---@param engine table
---@param sent table<string, any>
---@param source table  the Odoo record as it was sent
---@param record table  NAV's
---@param doubt "undelivered"|"answered"|"unknown"
---@param own table<string, true>|nil  fields that hold what NAV's code put over ours
---@return { nav: table, odoo: table }
function creating.base(engine, sent, source, record, doubt, own)
  local it = { nav = {}, odoo = {} }
  for _, field in ipairs(engine.flow.nav_fields) do it.nav[field] = record[field] end
  for _, field in ipairs(engine.odoo_fields) do it.odoo[field] = source[field] end
  for _, entry in ipairs(engine.flow.entries) do
    local was_sent, differs, whose = false, false, own and "undelivered" or doubt
    for _, field in ipairs(entry.to_nav and entry.nav or {}) do -- our number is not Odoo's word
      if sent[field] ~= nil then
        was_sent = true
        if not delivery.as_sent(engine, field, sent[field], record[field]) then
          differs = true
          if not (own and own[field]) then whose = doubt end
        end
      end
    end
    if not was_sent or differs and whose ~= "undelivered" then
      for _, field in ipairs(entry.nav) do it.nav[field] = base.NOT_KNOWN end
    end
    if differs and whose ~= "answered" then
      for _, field in ipairs(entry.odoo) do it.odoo[field] = base.NOT_KNOWN end
    end
  end
  return it
end

--- Decides what is left to do for new pairs: what NAV gave the record (its number above all)
-- is Odoo's to hear of, and what NAV put its own values over is delivered again.
function creating.plan(engine, items, cards, links)
  for _, item in ipairs(items) do
    if item.created and not item.failed then
      item.base = creating.base(engine, delivery.values_of(item.body), item.current, item.record,
                                item.undelivered and "undelivered" or "answered")
      local said = pair.map(engine, "to_odoo", item.record,
        { creating = false, current = item.current, lookups = engine.lookups, links = links })
      pair.plan(engine, item, said or {}, item.values, cards)
    end
  end
end

return creating
