--- Keys of NAV's records: one value, or several that are named together.
--
-- A page with one key field has that field's value as key. Several parts are joined by "," in
-- the order of the schema, with "%" and "," inside a part as %25 and %2C: one text that the store,
-- links and locks can hold, and that is taken apart again without loss.

local call = require "connector.call"
local filter = require "connector.nav.filter"

local key = {}

local function encode(part)
  return (tostring(part):gsub("[%%,]", function(c) return ("%%%02X"):format(c:byte()) end))
end

local function decode(part)
  return (part:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

--- The key of a record.
---@param schema table
---@param record table  typed, with its key fields
---@return any key
function key.of(schema, record)
  local names = schema.key
  if #names == 1 then return record[names[1]] end
  local parts = {}
  for i, name in ipairs(names) do parts[i] = encode(record[name]) end
  return table.concat(parts, ",")
end

local function typed(def, text)
  return def and def.type == "integer" and math.tointeger(tonumber(text)) or text
end

--- The parts of a key, typed: the store knows a number by its digits.
---@param schema table
---@param whole any
---@return any[] parts  one for each key field
function key.parts(schema, whole)
  if #schema.key == 1 then return { typed(schema.fields[schema.key[1]], whole) } end
  local parts = {}
  for part in (tostring(whole) .. ","):gmatch "([^,]*)," do
    local n = #parts + 1
    parts[n] = typed(schema.fields[schema.key[n] or ""], decode(part))
  end
  if #parts ~= #schema.key then
    error(("key: %q has %d parts, %s has %d (%s)"):format(tostring(whole), #parts, schema.entity,
      #schema.key, table.concat(schema.key, ", ")), 2)
  end
  return parts
end

--- The key as it stands in an address behind the name of the entity: `('10000')`, or with all
--- parts named where there are several.
---@param schema table
---@param whole any
---@return string
function key.address(schema, whole)
  local parts, texts = key.parts(schema, whole), {}
  for i, name in ipairs(schema.key) do
    local literal = call.percent(filter.literal(schema, name, parts[i]))
    texts[i] = #parts == 1 and literal or name .. "=" .. literal
  end
  return "(" .. table.concat(texts, ",") .. ")"
end

--- Questions for the rows behind a key, one after the other: NAV refuses `or` over two fields,
--- so what follows (a, b) is `A eq a and B gt b`, and then `A gt a`.
---@param names string[]   in the order of the rows
---@param values any[]     where to begin, one for each name
---@return table[][] questions  lists of clauses for `filter.all`
function key.behind(names, values)
  local questions = {}
  for last = #names, 1, -1 do
    local clauses = {}
    for i = 1, last do clauses[i] = { names[i], i == last and "gt" or "eq", values[i] } end
    questions[#questions + 1] = clauses
  end
  return questions
end

--- Questions for the records of these keys, each with the clauses of what they share and the
--- keys that it asks for: one for every value of all parts but the last.
---@param schema table
---@param keys any[]
---@return { shared: table[], last: any[] }[] questions
function key.questions(schema, keys)
  local list, by_shared = {}, {}
  local n = #schema.key
  for _, whole in ipairs(keys) do
    local parts = key.parts(schema, whole)
    local shared = table.concat(parts, "\0", 1, n - 1)
    local question = by_shared[shared]
    if not question then
      question = { shared = {}, last = {} }
      for i = 1, n - 1 do question.shared[i] = { schema.key[i], "eq", parts[i] } end
      by_shared[shared], list[#list + 1] = question, question
    end
    question.last[#question.last + 1] = parts[n]
  end
  return list
end

return key
