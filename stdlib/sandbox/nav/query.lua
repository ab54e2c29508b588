--- The query part of a list request: options read and checked, rows chosen, the page cut.
--
-- Paging is the server's: a page has at most `page_size` rows (`Prefer: odata.maxpagesize` lowers
-- it), and a next link is the same address with the last key as $skiptoken. With $top there is
-- never a next link.

local filter = require "sandbox.nav.filter"
local refusal = require "sandbox.nav.refusal"
local rows = require "sandbox.nav.rows"
local tables = require "sandbox.nav.tables"
local values = require "sandbox.nav.values"

local query = {}

local KNOWN <const> = {
  ["$filter"] = true, ["$select"] = true, ["$orderby"] = true, ["$top"] = true, ["$skip"] = true,
  ["$count"] = true, ["$inlinecount"] = true, ["$skiptoken"] = true, ["$format"] = true, ["$expand"] = true,
}

--- Percent-encoding undone; a plus sign is a blank in a query.
---@param text string
---@param in_query boolean?
---@return string
function query.decode(text, in_query)
  if in_query then text = text:gsub("%+", " ") end
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

--- Percent-encoding as NAV writes it into links: quotes and dots stay.
---@param text string
---@return string
function query.encode(text)
  return (text:gsub("[^%w%-%._~'()]", function(char) return ("%%%02X"):format(char:byte()) end))
end

--- The options of a raw query string.
---@param raw string   without the question mark, "" for none
---@return table<string, string>? options
---@return sandbox.nav.Refusal?
function query.options(raw)
  local options = {}
  for part in raw:gmatch("[^&]+") do
    local name, value = part:match("^([^=]*)=?(.*)$")
    name = query.decode(name, true)
    if name:sub(1, 1) == "$" then
      if not KNOWN[name] then
        return nil, refusal.bad_request("The query parameter '%s' is not supported.", name)
      end
      if options[name] then return nil, refusal.query_syntax() end
    end
    options[name] = query.decode(value, true)
  end
  return options
end

local function split(text)
  local parts = {}
  for part in (text .. ","):gmatch("([^,]*),") do
    parts[#parts + 1] = part:match("^%s*(.-)%s*$")
  end
  return parts
end

--- The properties that $select names, all in page order when there is none.
---@param page table
---@param options table
---@return sandbox.nav.Property[]?
---@return sandbox.nav.Refusal?
function query.selected(page, options)
  local text = options["$select"]
  if options["$expand"] and options["$expand"] ~= "" then
    return nil, refusal.no_such_property(options["$expand"], page.service)
  end
  if not text or text == "*" then return page.properties end
  local wanted, list = {}, {}
  for _, name in ipairs(split(text)) do
    if name == "" then return nil, refusal.query_syntax() end
    if not page.by_name[name] then return nil, refusal.no_such_property(name, page.service) end
    wanted[name] = true
  end
  for _, property in ipairs(page.properties) do
    if wanted[property.name] then list[#list + 1] = property end
  end
  return list
end

-- $orderby: the places and a name for the cache, nil for primary key order.
local function order_of(page, text)
  local fields, descending, keys_named = {}, {}, 0
  for n, part in ipairs(split(text)) do
    local name, direction = part:match("^([%w_]+)%s*(%a*)$")
    if not name or (direction ~= "" and direction ~= "asc" and direction ~= "desc") then
      return nil, refusal.query_syntax()
    end
    local property = page.by_name[name]
    if not property then return nil, refusal.no_such_property(name, page.service) end
    if not property.field then return nil, refusal.filter_not_supported() end
    fields[n], descending[n] = property.field, direction == "desc"
    if n == keys_named + 1 and property.field.name == page.table.keys[n] and direction ~= "desc" then
      keys_named = n
    end
  end
  -- the primary key, or its first fields, which the rest of it follows anyway
  if keys_named == #page.table.keys or keys_named == #fields then return { by_key = true } end
  local names = {}
  for n, field in ipairs(fields) do names[n] = field.name .. (descending[n] and " desc" or "") end
  return {
    name = table.concat(names, ","), descending = descending,
    value_of = function(row)
      local out = {}
      for n, field in ipairs(fields) do out[n] = filter.rank(field, tables.value(row, field)) end
      return table.unpack(out, 1, #fields)
    end,
  }
end

local function whole(text)
  local number = text:match("^%d+$") and math.tointeger(tonumber(text))
  if not number then return nil, refusal.query_syntax() end
  return number
end

--- A key as OData writes it, taken apart: 'x' or Name='x', several joined by commas, quotes
--- doubled inside. Values stand in the order of the key fields whatever order they are named in.
---@param text string
---@param key_names string[]
---@return string? key   nil when it is none
function query.key(text, key_names)
  local parts, at, n = {}, 1, 0
  repeat
    n = n + 1
    local name, quote = text:match("^([%a_][%w_]*)=()'", at)
    if name then at = quote end
    if text:sub(at, at) ~= "'" then return nil end
    local stop = text:find("'", at + 1, true)
    while stop and text:sub(stop + 1, stop + 1) == "'" do stop = text:find("'", stop + 2, true) end
    if not stop then return nil end
    local place = n
    if name then
      place = nil
      for i, key_name in ipairs(key_names) do
        if key_name == name then place = i end
      end
    end
    if not place or parts[place] or #key_names > 1 and not name and n > #key_names then return nil end
    parts[place] = text:sub(at + 1, stop - 1):gsub("''", "'")
    at = stop + 1
    local comma = text:sub(at, at) == ","
    at = at + 1
  until not comma
  if n ~= #key_names or at <= #text then return nil end
  return table.concat(parts, "\0")
end

--- The key of an address: numbers and GUIDs stand there without quotes (OData V4).
---@param page table
---@param text string
---@return string? key   nil when it is none
function query.address_key(page, text)
  local kind = #page.keys == 1 and page.by_name[page.keys[1]].field.type
  if kind == "Integer" or kind == "BigInteger" then
    local number = math.tointeger(tonumber(text:match "^%d+$"))
    return number and rows.text_key(number)
  elseif kind == "GUID" then
    return text:match "^%x+%-%x+%-%x+%-%x+%-%x+$" and text:lower()
  end
  local key = query.key(text, page.keys)
  return key and values.code(key)
end

--- A key as NAV writes it into an address.
---@param key string
---@param key_names string[]
---@param named boolean   with the names of its parts
---@return string
function query.key_text(key, key_names, named)
  local parts = tables.key_parts(key)
  for n, part in ipairs(parts) do
    parts[n] = (named and key_names[n] .. "=" or "") .. "'" .. query.encode((part:gsub("'", "''"))) .. "'"
  end
  return table.concat(parts, ",")
end

local function token_key(page, text)
  local key = query.key(text, page.keys)
  if not key then return nil, refusal.query_syntax() end
  return key
end

--- What a list request asks for, checked.
---@param page table
---@param options table<string, string>
---@param its sandbox.nav.Wire
---@return table? plan
---@return sandbox.nav.Refusal?
function query.plan(page, options, its)
  local plan = { order = { by_key = true } }
  local refused
  plan.selected, refused = query.selected(page, options)
  if refused then return nil, refused end
  if options["$filter"] then
    plan.filter, refused = filter.parse(options["$filter"], page, its.v3)
    if refused then return nil, refused end
  end
  if options["$orderby"] then
    plan.order, refused = order_of(page, options["$orderby"])
    if refused then return nil, refused end
  end
  for _, name in ipairs { "top", "skip" } do
    local text = options["$" .. name]
    if text then
      plan[name], refused = whole(text)
      if refused then return nil, refused end
    end
  end
  local foreign = its.v3 and "$count" or "$inlinecount"
  if options[foreign] then
    return nil, refusal.bad_request("The query parameter '%s' is not supported.", foreign)
  end
  local count, yes, no = options[its.count], "true", "false"
  if its.v3 then yes, no = "allpages", "none" end
  if count and count ~= yes and count ~= no then return nil, refusal.query_syntax() end
  plan.count = count == yes
  if options["$skiptoken"] then
    plan.after, refused = token_key(page, options["$skiptoken"])
    if refused then return nil, refused end
  end
  return plan
end

-- The few keys a filter allows, those that exist, in order.
local function named_keys(t, keys)
  local list = {}
  for value in pairs(keys) do
    local key = rows.text_key(value)
    if t.by_key[key] then list[#list + 1] = key end
  end
  table.sort(list)
  return list
end

-- Candidates in order and where to begin among them.
local function candidates(page, t, plan)
  local test, key_field = plan.filter, page.table.key
  if not plan.order.by_key then
    local list = rows.in_order(t, plan.order.name, plan.order.value_of, plan.order.descending)
    if not plan.after then return list, 1 end
    for n, key in ipairs(list) do
      if key == plan.after then return list, n + 1 end
    end
    return list, 1 -- the row is gone: NAV begins again rather than to leave rows out
  end
  local named = test and filter.keys(test, key_field)
  if named then
    local list, from = named_keys(t, named), 1
    while plan.after and list[from] and list[from] <= plan.after do from = from + 1 end
    return list, from
  end
  local from = 1
  local lowest = test and filter.lowest_key(test, key_field)
  if lowest then from = rows.after(t, rows.text_key(lowest), true) end
  if plan.after then from = math.max(from, rows.after(t, plan.after)) end
  return t.keys, from
end

--- How many rows pass, paging aside.
---@param page table
---@param t sandbox.nav.Rows
---@param plan table
---@return integer
function query.count(page, t, plan)
  if not plan.filter then return #t.keys end
  local list, from = candidates(page, t, { filter = plan.filter, order = { by_key = true } })
  local n, test = 0, plan.filter.test
  for at = from, #list do
    if test(t.by_key[list[at]]) then n = n + 1 end
  end
  return n
end

--- The keys of one page.
---@param page table
---@param t sandbox.nav.Rows
---@param plan table
---@param page_size integer
---@return string[] keys
---@return string? next_key   the last key, when another page follows
function query.run(page, t, plan, page_size)
  local list, from = candidates(page, t, plan)
  local limit = plan.top and math.min(plan.top, page_size) or page_size
  local skip = plan.after and 0 or plan.skip or 0
  local test = plan.filter and plan.filter.test
  if not test then
    from, skip = from + skip, 0
  end
  local keys, n = {}, 0
  for at = from, #list do
    local key = list[at]
    if not test or test(t.by_key[key]) then
      if skip > 0 then
        skip = skip - 1
      elseif n == limit then
        return keys, not plan.top and keys[n] or nil
      else
        n = n + 1
        keys[n] = key
      end
    end
  end
  return keys
end

--- The page size that a request gets, and the one it asked for.
---@param prefer string?
---@param limit integer
---@return integer size
---@return integer? asked
function query.page_size(prefer, limit)
  local asked = prefer and math.tointeger(tonumber(prefer:lower():match("maxpagesize%s*=%s*\"?(%d+)")))
  if not asked or asked < 1 then return limit end
  return math.min(asked, limit), asked
end

return query
