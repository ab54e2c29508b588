--- What a person says of a NAV field, carried out: over the values of both sides, as far as
-- the field and the flow's rules take it.
--
-- The word travels with the job (`decision.set`, by NAV's field). It stands for what Odoo's
-- record says, also where that cannot be said in NAV at all; from NAV it goes on to Odoo. A
-- word that NAV refuses is given back as the review that it was an answer to.

local closing = require "navodoo.engine.closing"
local keys = require "navodoo.engine.keys"
local pair = require "navodoo.engine.pair"
local word = require "navodoo.engine.word"

local saying = {}

--- The fields that were said of an item, or nil.
---@param item table
---@return table<string, string>|nil
function saying.of(item) return item.decision and item.decision.set end

-- Names, on either side, of the fields of entries that a word is about.
local function touched(engine, set)
  local names = {}
  for _, entry in ipairs(engine.flow.entries) do
    local said = false
    for _, field in ipairs(entry.nav) do said = said or set[field] ~= nil end
    for _, list in ipairs(said and { entry.nav, entry.odoo } or {}) do
      for _, field in ipairs(list) do names[field] = true end
    end
  end
  return names
end

--- The complaints of a mapping that a word does not answer.
---@param engine table
---@param item table
---@param problems table[]
---@return table[]
function saying.left(engine, item, problems)
  local set = saying.of(item)
  if not set or #problems == 0 then return problems end
  local names, left = touched(engine, set), {}
  for _, p in ipairs(problems) do
    if not names[p.field] then left[#left + 1] = p end
  end
  return left
end

--- Puts what was said over the values of a card that is to be made.
---@return string|nil why  not
function saying.of_new(engine, item)
  for field, said in pairs(saying.of(item) or {}) do -- one place each
    local value, why = word.read(field, engine.nav_schema.fields[field], said)
    if why then return why end
    item.values[field] = value
  end
end

--- Puts what was said over the values of a pair.
---@param links table
---@return string|nil why  not
function saying.of_pair(engine, item, links)
  local record, values, complaint = {}, {}, nil
  for name, v in pairs(item.record) do record[name] = v end -- one place each
  for _, v in ipairs(item.verdicts) do
    for _, field in ipairs(v.entry.nav) do
      local said = item.decision.set[field]
      if said then
        v.dictated = true
        local value, why = word.read(field, engine.nav_schema.fields[field], said)
        complaint = complaint or why
        values[field], record[field] = value, value
      end
    end
  end
  if complaint then return complaint end
  local _, problems = pair.map(engine, "to_odoo", record,
    { creating = false, current = item.current, lookups = engine.lookups, links = links })
  for _, p in ipairs(problems) do
    if values[p.field] ~= nil then return word.told(p) end
  end
  for _, v in ipairs(item.verdicts) do
    if v.dictated then
      v.what = "to_nav"
      for _, field in ipairs(v.entry.nav) do
        if values[field] ~= nil then item.to_nav[field] = values[field] end
      end
    end
  end
end

--- Gives a word back that cannot be done: what it was about is a review again, with the word
-- and why it was refused. The base is left, so that neither side's value travels meanwhile.
---@param why string
function saying.give_back(engine, txn, item, why)
  local set = saying.of(item)
  local conflicts = item.verdicts and pair.conflicts(item, true)
  if not conflicts then -- of a card that is not there yet, or of fields that no entry carries
    return closing.refuse(engine, txn, item, { class = "invalid", code = "said", text = why })
  end
  closing.park(engine, txn, item, "review", pair.review(engine, item,
    item.link and item.link.nav or keys.nav(engine.company, item.nav_key), conflicts, { set = set, text = why }))
end

return saying
