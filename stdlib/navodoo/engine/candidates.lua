--- Records of Odoo that a new NAV record may be already.
--
-- Two searches: by strong values (VAT number, e-mail), many records in one call; and by
-- likeness of the name, for records that nobody gave such a value. In a first load the
-- names that Odoo has and no link holds are read once and kept; later, names are asked for
-- by their beginning. What a candidate holds and belongs to is asked when it is found.

local json = require "navodoo.json"
local log = require "navodoo.log"
local store = require "navodoo.store"
local text = require "navodoo.text"
local task = require "navodoo.task"
local adopt = require "navodoo.engine.adopt"

local candidates = {}

--- Names that are asked for in one call.
local FEW <const> = 20
--- A flow with fewer links than this is in its first load.
local LINKS_OF_A_BEGINNER <const> = 1000
--- Names kept at most; beyond, likeness is not looked for in a first load.
candidates.NAMES_MAX = 200000
local PAGE <const> = 1000
--- Names that are compared before others have their turn.
local SLICE <const> = 200

--- Says of each candidate which NAV record it belongs to (`linked`), and which external id
-- of this flow it carries (`xmlid`).
local function mark(engine, list)
  for first = 1, #list, PAGE do
    local ids, by_id = json.array {}, {}
    for i = first, math.min(first + PAGE - 1, #list) do
      local c = list[i]
      ids[#ids + 1] = tostring(c.id)
      by_id[ids[#ids]] = c
    end
    local links, err = store.query("links_by_odoo", engine.flow.name, assert(json.encode(ids)))
    if not links then return nil, { class = "transient", text = err.text } end
    for _, l in ipairs(links) do
      local c = by_id[l.odoo]
      c.linked = l.nav
    end
  end
  local named, err = engine.odoo:names_of(engine.model, list)
  if not named then return nil, err end
  for _, c in ipairs(list) do
    for _, xmlid in ipairs(named[c.id] or {}) do
      -- one that carries an external id of ours belongs to that record, known here or not; a
      -- card of another flow of the cluster is no rival: both are cards of one partner
      if engine:key_of_xmlid(xmlid) then c.xmlid = xmlid
      elseif not engine.flow.link.cluster then c.linked = c.linked or xmlid end
    end
    c.linked = c.linked or c.xmlid
  end
  return true
end

--- The fields that candidates are compared by.
local function fields_of(engine)
  local fields, seen = { "id", "name" }, {}
  for _, rule in ipairs(engine.flow.link.adopt) do
    fields[#fields + 1], seen[rule.odoo] = rule.odoo, true
  end
  for _, name in ipairs(adopt.HINTS) do
    if engine.fields[name] and not seen[name] then fields[#fields + 1] = name end
  end
  return fields
end

-- A contact shows the VAT number of its firm, and is not the firm.
local function no_contact(engine, domain)
  if engine.fields.parent_id then domain[#domain + 1] = json.array { "parent_id", "=", false } end
  return domain
end

-- Odoo keeps addresses in small letters beside, where it sends mail.
local function is_normalized(engine, field) return field == "email" and engine.fields.email_normalized ~= nil end

--- Adds a value to what is looked for, in all ways in which it may be written.
---@param engine table
---@param wanted table<string, string[]>  field -> values
---@param field string
---@param value string
---@param folded string  of `adopt.fold_value`
function candidates.want(engine, wanted, field, value, folded)
  local list = wanted[field] or {}
  wanted[field] = list
  if is_normalized(engine, field) then list[#list + 1] = text.lower(value) or value
  else adopt.add_spellings(list, value, folded) end
end

--- Records that share one of the wanted values.
---@param engine table
---@param wanted table<string, string[]>  of `want`
---@return table<string, table[]>|nil by_value  by "field=FOLDED"
---@return table|nil err
function candidates.by_values(engine, wanted)
  local domain = json.array {}
  for _, rule in ipairs(engine.flow.link.adopt) do
    if wanted[rule.odoo] then
      local where = is_normalized(engine, rule.odoo) and "email_normalized" or rule.odoo
      if #domain > 0 then table.insert(domain, 1, "|") end
      domain[#domain + 1] = json.array { where, "in", json.array(wanted[rule.odoo]) }
    end
  end
  if #domain == 0 then return {} end
  local list, err = engine.odoo:search(engine.model, no_contact(engine, domain), fields_of(engine),
                                       { active_test = false })
  if not list then return nil, err end
  if #list == 0 then return {} end
  local ok
  ok, err = mark(engine, list)
  if not ok then return nil, err end
  local by_value = {}
  for _, c in ipairs(list) do
    for _, rule in ipairs(engine.flow.link.adopt) do
      local folded = adopt.fold_value(c[rule.odoo])
      if folded then
        local name = rule.odoo .. "=" .. folded
        local bucket = by_value[name] or {}
        by_value[name], bucket[#bucket + 1] = bucket, c
      end
    end
  end
  return by_value
end

--- Puts records under the first word of their names.
local function sorted_by_word(list)
  local index = { count = 0, words = {} }
  for _, c in ipairs(list) do
    local word = type(c.name) == "string" and adopt.words(c.name)[1]
    if word then
      local bucket = index.words[word] or {}
      index.words[word], bucket[#bucket + 1] = bucket, c
      index.count = index.count + 1
    end
  end
  return index
end

-- The names of a first load are kept for long and may be many: a list of id, name, id, name for each
-- first word is a fifth of the records that Odoo answers.
local function add_name(index, c)
  local word = type(c.name) == "string" and adopt.words(c.name)[1]
  if not word then return end
  local bucket = index.words[word] or {}
  index.words[word], bucket[#bucket + 1], bucket[#bucket + 2] = bucket, c.id, c.name
  index.count = index.count + 1
end

--- Reads the names that no link holds. Other runs have their turn between the pages.
local function all_names(engine)
  local index, last = { count = 0, words = {} }, 0
  repeat
    local further = no_contact(engine, json.array { json.array { "id", ">", last } })
    local page, err = engine.odoo:search(engine.model, further, { "id", "name" }, { active_test = false, limit = PAGE })
    if not page then return nil, err end
    if #page > 0 then last = page[#page].id end
    local ok
    ok, err = mark(engine, page)
    if not ok then return nil, err end
    for _, c in ipairs(page) do
      if not c.linked then add_name(index, c) end
    end
    if index.count > candidates.NAMES_MAX then
      log.warn("too many records of Odoo are linked to nothing: names are not compared in this load",
               { flow = engine.flow.name, names = index.count })
      return { count = 0, words = {} }
    end
  until #page < PAGE
  return index
end

local function read_names(engine)
  local counts, err = store.query("links_count")
  if not counts then return nil, { class = "transient", text = err.text } end
  for _, c in ipairs(counts) do
    if c.flow == engine.flow.name and c.count >= LINKS_OF_A_BEGINNER then return false end
  end
  return all_names(engine)
end

--- Names read for the first load, or false when it is over. However many runs ask, one reads.
local function first_load(engine)
  if engine.known_names == nil then
    local lock <close>, refused = task.lock { "names:" .. engine.flow.name }
    if not lock then return nil, { class = "transient", code = refused.code, text = refused.text } end
    if engine.known_names == nil then
      local names, err = read_names(engine)
      if names == nil then return nil, err end
      engine.known_names = names
    end
  end
  return engine.known_names
end

--- Asks for the records whose names begin like those of a few items.
local function few_names(engine, items)
  local domain, seen = json.array {}, {}
  for _, item in ipairs(items) do
    for _, beginning in ipairs(adopt.beginnings(item.values.name)) do
      if not seen[beginning] then
        seen[beginning] = true
        if #domain > 0 then table.insert(domain, 1, "|") end
        domain[#domain + 1] = json.array { "name", "=ilike", (beginning:gsub("[%%_\\]", "")) .. "%" }
      end
    end
  end
  if #domain == 0 then return { count = 0, words = {} } end
  local list, err = engine.odoo:search(engine.model, no_contact(engine, domain), fields_of(engine),
                                         { active_test = false, limit = PAGE })
  if not list then return nil, err end
  local ok
  ok, err = mark(engine, list)
  if not ok then return nil, err end
  return sorted_by_word(list)
end

local function add_like(found, index, items)
  for _, item in ipairs(items) do
    local name = item.values.name
    local word = type(name) == "string" and adopt.words(name)[1]
    for _, c in ipairs(word and index.words[word] or {}) do
      if adopt.similarity(name, c.name) >= adopt.LIKE then
        found[item] = found[item] or {}
        table.insert(found[item], c)
      end
    end
  end
end

-- Items by the ids of the records whose names are like theirs. Half of a town may begin with one
-- word: others have their turn meanwhile.
local function alike(index, items)
  local by_id, ids, compared = {}, json.array {}, 0
  for _, item in ipairs(items) do
    local name = item.values.name
    local word = type(name) == "string" and adopt.words(name)[1]
    local bucket = word and index.words[word] or {}
    for i = 1, #bucket, 2 do
      compared = compared + 1
      if compared % SLICE == 0 then task.sleep(0) end
      if adopt.similarity(name, bucket[i + 1]) >= adopt.LIKE then
        local id = bucket[i]
        if not by_id[id] then by_id[id], ids[#ids + 1] = {}, id end
        table.insert(by_id[id], item)
      end
    end
  end
  return by_id, ids
end

-- What Odoo has now of the records that are alike, and whose they are by now.
local function add_alike(engine, found, index, items)
  local by_id, ids = alike(index, items)
  for first = 1, #ids, PAGE do
    local part = table.move(ids, first, math.min(first + PAGE - 1, #ids), 1, json.array {})
    local these = no_contact(engine, json.array { json.array { "id", "in", part } })
    local list, err = engine.odoo:search(engine.model, these, fields_of(engine), { active_test = false })
    if not list then return nil, err end
    local ok
    ok, err = mark(engine, list)
    if not ok then return nil, err end
    for _, c in ipairs(list) do
      for _, item in ipairs(by_id[c.id]) do
        found[item] = found[item] or {}
        table.insert(found[item], c)
      end
    end
  end
  return found
end

--- Records with a name like those of the items, for items that have one.
---@param engine table
---@param items table[]  with `values`
---@return table<table, table[]>|nil by_item
---@return table|nil err
function candidates.by_name(engine, items)
  if engine.flow.link.alike == false then return {} end
  local index, err = first_load(engine)
  if index == nil then return nil, err end
  local found = {}
  if index then
    if index.count == 0 then return found end
    return add_alike(engine, found, index, items)
  end
  for first = 1, #items, FEW do
    local part = table.move(items, first, math.min(first + FEW - 1, #items), 1, {})
    index, err = few_names(engine, part)
    if not index then return nil, err end
    add_like(found, index, part)
  end
  return found
end

return candidates
