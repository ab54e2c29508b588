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
---@return sandbox.nav.Word[]?   nil on a character that belongs nowhere
function words.of(source)
  local list, at = {}, source:find("%S")
  while at do
    local word, after = word_at(source, at)
    if not word then return nil end
    list[#list + 1] = word
    at = source:find("%S", after)
  end
  return list
end

return words
