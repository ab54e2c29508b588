--- What an effect remembers of a write, and from when on its absence is believed.
--
-- The intent of a write holds the values that were sent, what the source said then, and the
-- key of the target where it is known. An unknown outcome is settled by it and never by what
-- either side says today: today's values may belong to a later edit, or to none at all.

local json = require "navodoo.json"
local store = require "navodoo.store"
local time = require "navodoo.time"
local base = require "navodoo.engine.base"

local intent = {}

---@class navodoo.Intent
---@field sent table<string, any>    the values, by field of the target
---@field source table<string, any>  the mapped fields of the source as they were then
---@field key any                    of the target record, where it is known

--- The text of an intent, for `effects.image`.
---@param sent table<string, any>
---@param source table|nil  a record
---@param fields string[]   of the source that count
---@param key any
---@return string
function intent.text(sent, source, fields, key)
  local part = {}
  for _, name in ipairs(source and fields or {}) do part[name] = source[name] end
  return assert(json.canonical(json.object({}, { sent = json.object({}, sent), source = json.object({}, part),
                                                 key = key })))
end

--- The intent of an effect; nil where only a hash of what was sent is known.
---@param effect table|nil  row of the store
---@return navodoo.Intent|nil
function intent.read(effect)
  local text = effect and effect.image
  if not text or text:sub(1, 1) ~= "{" then return nil end
  return json.decode(text)
end

--- Did a write land whose intent is `known`? A write carries only what the target held
-- otherwise, and a call is applied whole or not at all: one field that holds what was sent is
-- proof.
---@param known navodoo.Intent
---@param now table  the target as it is
---@param same fun(field: string, a: any, b: any): boolean
---@return boolean
function intent.landed(known, now, same)
  for field, sent in pairs(known.sent) do -- the order tells nothing
    if same(field, sent, now[field]) then return true end
  end
  return false
end

--- Puts what a write that landed made of both sides into the base of its pair: what the
-- target holds otherwise by now is a change that somebody made since.
---@param known navodoo.Intent
---@param it { nav: table, odoo: table }  the base; is changed
---@param side "nav"|"odoo"               that was written
---@param now table                       as it is
---@param entries table[]                 of the flow
---@param same fun(field: string, a: any, b: any): boolean
function intent.settle(known, it, side, now, entries, same)
  local other, way = side == "nav" and "odoo" or "nav", "to_" .. side
  for field, sent in pairs(known.sent) do -- by field
    it[side][field] = same(field, sent, now[field]) and now[field] or sent
  end
  for _, entry in ipairs(entries) do
    local travelled = false
    for _, field in ipairs(entry[way] and entry[side] or {}) do travelled = travelled or known.sent[field] ~= nil end
    for _, field in ipairs(travelled and entry[other] or {}) do
      local was = known.source[field]
      it[other][field] = was == nil and base.NOT_KNOWN or was
    end
  end
end

--- Writes down that a write is about to be sent.
---@param engine table
---@param txn navodoo.Txn
---@param item table
---@param endpoint table
---@param kind "create"|"set"
---@param image string|nil  of `intent.text`, or a hash of what is sent
---@param now integer
function intent.put(engine, txn, item, endpoint, kind, image, now)
  engine.sends_over[item.key] = nil
  txn:add("effect_intend", item.key, item.job.id, endpoint.name, kind, image, now, store.epoch(), engine.generation)
end

--- Nobody sends this write any more: from now on its settle time counts.
---@param engine table
---@param key string  of the effect
---@param now integer
function intent.over(engine, key, now) engine.sends_over[key] = now end

--- When a late apply of an open effect must have landed: so long after the last moment at
-- which it may have been sent. A process that is dead may have sent until this one began. A
-- life that died in this process may have sent until somebody else was given its job, so
-- the time counts from the first look.
---@param engine table
---@param effect table       row of the store
---@param settle_us integer  of the target
---@return integer
function intent.settled_at(engine, effect, settle_us)
  local since = engine.started_us
  if effect.epoch == store.epoch() then
    since = engine.sends_over[effect.key]
    if not since then
      since = time.now()
      intent.over(engine, effect.key, since)
    end
  end
  return since + settle_us
end

--- Splits off the items of a batch whose pair has a write that may still land, of either
-- direction: what it will leave there is nobody's edit.
---@param engine table
---@param txn navodoo.Txn
---@param items table[]
---@param settle_us integer
---@param beside_us integer  of the target of the other direction
function intent.wait(engine, txn, items, settle_us, beside_us)
  for _, item in ipairs(items) do
    local due = math.max(item.effect and intent.settled_at(engine, item.effect, settle_us) or 0,
                         item.beside and intent.settled_at(engine, item.beside, beside_us) or 0)
    if due > time.now() then
      item.result = "retried"
      txn:add("job_retry", item.job.id, item.job.rev, due, item.job.attempts, nil)
    end
  end
end

return intent
