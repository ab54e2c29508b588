--- The words of a $filter: brackets, commas, names, literals with their Edm type.

local words = {}

---@class sandbox.nav.Word
---@field kind string    "(", ")", ",", "name", "literal", "odd" (runs on where it may not)
---@field value string?
---@field edm string?    of a literal

local X <const> = "%x%x%x%x"

local SHAPES <const> = {
  { "guid", "^" .. X .. table.concat({ X, X, X, X, X }, "%-") .. X .. X, "Edm.Guid" },
  { "datetime", "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.?%d*Z", "Edm.DateTimeOffset" },
  { "date", "^%d%d%d%d%-%d%d%-%d%d", "Edm.Date" },
  { "number", "^%-?%d+%.?%d*", "Edm.Int32" },
}

local V3 <const> = {
  { "^datetime'(%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.?%d*Z?)'()", "Edm.DateTime" },
  { "^guid'(" .. SHAPES[1][2]:sub(2) .. ")'()", "Edm.Guid" },
  { "^(%-?%d+%.?%d*)[mM]()%f[^%w_:]", "Edm.Decimal" },
  { "^(%-?%d+)[lL]()%f[^%w_:]", "Edm.Int32" },
}

-- A literal that only V3 has: dressed in its type, or with a suffix. Those of V4 it does not know.
local function v3_literal(source, at)
  for _, shape in ipairs(V3) do
    local value, after = source:match(shape[1], at)
    if value then return { kind = "literal", edm = shape[2], value = value }, after end
  end
  for n = 1, 3 do
    if source:find(SHAPES[n][2], at) then return { kind = "odd" }, #source + 1 end
  end
end

local function word_at(source, at)
  local char = source:sub(at, at)
  if char == "(" or char == ")" or char == "," then return { kind = char }, at + 1 end
  if char == "'" then
    local stop = at
    repeat
      stop = source:find("'", stop + 1, true)
      if not stop then return nil end
      local doubled = source:sub(stop + 1, stop + 1) == "'"
      if doubled then stop = stop + 1 end
    until not doubled
    local inner = source:sub(at + 1, stop - 1):gsub("''", "'")
    return { kind = "literal", edm = "Edm.String", value = inner }, stop + 1
  end
  for _, shape in ipairs(SHAPES) do
    local found, stop = source:find(shape[2], at)
    if found then
      local raw = source:sub(found, stop)
      local next_char = source:sub(stop + 1, stop + 1)
      if next_char:find("[%w_:]") then return { kind = "odd" }, #source + 1 end
      local edm = shape[3]
      if shape[1] == "number" and raw:find(".", 1, true) then edm = "Edm.Decimal" end
      return { kind = "literal", edm = edm, value = raw }, stop + 1
    end
  end
  local found, stop = source:find("^[%a_][%w_/%.]*", at)
  if not found then return nil end
  return { kind = "name", value = source:sub(found, stop) }, stop + 1
end

--- The words of a filter text.
---@param source string
---@param v3 boolean?   literals as V3 has them
---@return sandbox.nav.Word[]?   nil on a character that belongs nowhere
function words.of(source, v3)
  local list, at = {}, source:find("%S")
  while at do
    local word, after
    if v3 then word, after = v3_literal(source, at) end
    if not word then word, after = word_at(source, at) end
    if not word then return nil end
    list[#list + 1] = word
    at = source:find("%S", after)
  end
  return list
end

return words
