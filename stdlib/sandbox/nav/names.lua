--- The names that NAV gives on the wire: field or control name in, OData property out.
--
-- Percent signs are spelled out, the characters that separate words become one underscore, none is
-- left at the end. What is no XML name character after that is written `_xHHHH_`.

local names = {}

local SEPARATOR <const> = {}
for c in (" \\/'\".()-:"):gmatch(".") do SEPARATOR[c] = true end

local function encoded(char)
  local out = {}
  for _, code in utf8.codes(char) do
    if code > 0xFFFF then
      code = code - 0x10000
      out[#out + 1] = ("_x%04X_"):format(0xD800 + (code >> 10))
      code = 0xDC00 + (code & 0x3FF)
    end
    out[#out + 1] = ("_x%04X_"):format(code)
  end
  return table.concat(out)
end

--- The property name of a field or control: "Country/Region Code" -> "Country_Region_Code".
---@param name string
---@return string
function names.externalize(name)
  local out, last = {}, ""
  for char in name:gsub("%%", "Percent"):gmatch(utf8.charpattern) do
    if SEPARATOR[char] then char = "_" end
    local doubled = char == "_" and last == "_"
    if not doubled then
      out[#out + 1] = char
      last = char
    end
  end
  local text = table.concat(out):gsub("_+$", "")
  text = text:gsub("[%c\32-\127]", function(char)
    if not char:find("[%w_]") then return encoded(char) end
  end)
  return (text:gsub("^%d", encoded))
end

return names
