--- Where the parts of a flow stand in its source.
--
-- Lua tells the line of a running statement, not that of an entry in a table. This reads the
-- source's tokens and gives the place of every key and list item inside the table after
-- `flow "name"`: "fields.3" -> line 14, column 5; "nav.watch.every" -> ... It never fails:
-- what it does not understand it does not list.

local byte <const> = string.byte

local outline = {}

---@alias navodoo.Place { line: integer, column: integer }

local DASH <const>, BACKSLASH <const>, BRACKET <const> = byte "-", byte "\\", byte "["
local QUOTE <const>, APOSTROPHE <const> = byte '"', byte "'"

-- What a token may begin with, by its first byte.
local NAME <const>, NUMBER <const> = {}, {}
for b = 0, 255 do
  local c = string.char(b)
  NAME[b], NUMBER[b] = c:find "[%a_]" ~= nil, c:find "[%d.]" ~= nil
end

local BLOCK <const> = { ["function"] = true, ["if"] = true, ["do"] = true, ["repeat"] = true }

-- Length of a long bracket's opening at `i` ("[[", "[==["), or nil; and its closing text.
local function long_bracket(source, i)
  local level = source:match("^%[(=*)%[", i)
  if level then return #level + 2, "]" .. level .. "]" end
end

-- Skips white space and comments.
local function skip(source, i)
  while true do
    i = source:find("%S", i)
    if not i then return #source + 1 end
    if byte(source, i) ~= DASH or byte(source, i + 1) ~= DASH then return i end
    local open, close = long_bracket(source, i + 2)
    if open then
      local _, stop = source:find(close, i + 2 + open, true)
      i = (stop or #source) + 1
    else
      i = (source:find("\n", i, true) or #source) + 1
    end
  end
end

local function quoted(source, i)
  local quote, j = byte(source, i), i + 1
  while true do
    j = source:find("[\\\"']", j)
    if not j then return #source + 1 end
    local c = byte(source, j)
    if c == quote then return j + 1 end
    j = j + (c == BACKSLASH and 2 or 1)
  end
end

---@class navodoo.Token
---@field kind "name"|"string"|"number"|"other"
---@field text string
---@field at integer     position in the source

--- All tokens of a source; comments and white space are none.
---@param source string
---@return navodoo.Token[]
function outline.tokens(source)
  local list, i = {}, 1
  if source:sub(1, 1) == "#" then i = source:find("\n", 1, true) or #source + 1 end
  while true do
    i = skip(source, i)
    if i > #source then return list end
    local stop
    local c, kind = byte(source, i), "other"
    if NAME[c] then
      kind, stop = "name", source:match("^[%w_]+()", i)
    elseif c == QUOTE or c == APOSTROPHE then
      kind, stop = "string", quoted(source, i)
    elseif NUMBER[c] and source:find("^%.?%d", i) then
      kind, stop = "number", source:match("^[%w_.]+()", i)
      -- 1e-5 has a sign inside
      local digits = source:sub(i, stop - 1)
      if digits:find "[eE]$" and not digits:find "^0[xX]" then
        stop = source:match("^[+-]?%d+()", stop) or stop
      end
    elseif c == BRACKET and long_bracket(source, i) then
      local open, close = long_bracket(source, i)
      local _, last = source:find(close, i + open, true)
      kind, stop = "string", (last or #source) + 1
    elseif source:find("^[=~<>]=", i) then
      stop = i + 2
    else
      stop = i + 1
    end
    list[#list + 1] = { kind = kind, at = i, text = source:sub(i, stop - 1) }
    i = stop
  end
end

--- Tells line and column of positions in a source.
---@param source string
---@return fun(at: integer): navodoo.Place
function outline.placer(source)
  local starts = { 1 }
  for at in source:gmatch "\n()" do starts[#starts + 1] = at end
  return function(at)
    local low, high = 1, #starts
    while low < high do
      local middle = (low + high + 1) // 2
      if starts[middle] <= at then low = middle else high = middle - 1 end
    end
    return { line = low, column = at - starts[low] + 1 }
  end
end

-- Reads the table that opens at token `n`; returns the token after its closing brace.
local function read_table(list, n, path, place, out)
  local index = 0
  n = n + 1
  while list[n] and list[n].text ~= "}" do
    local first, key = list[n], nil
    local after = list[n + 1]
    if first.kind == "name" and after and after.text == "=" then
      key, n = first.text, n + 2
    elseif first.text == "[" then
      local inner = list[n + 1]
      if inner and inner.kind == "string" and list[n + 2] and list[n + 2].text == "]" then
        key = inner.text:sub(2, -2)
      end
      while list[n] and list[n].text ~= "=" do n = n + 1 end
      key, n = key or "?", n + 1
    else
      index = index + 1
      key = tostring(index)
    end
    local here = path == "" and key or path .. "." .. key
    out[here] = place(first.at)
    -- the value: to the comma that separates items of this table
    local depth, begins = 0, true
    while list[n] do
      local text = list[n].text
      if text == "{" and begins and depth == 0 then
        n = read_table(list, n, here, place, out)
      else
        if depth == 0 and (text == "," or text == ";" or text == "}") then break end
        if text == "(" or text == "{" or text == "[" or BLOCK[text] then depth = depth + 1
        elseif text == ")" or text == "}" or text == "]" or text == "end" or text == "until" then
          depth = depth - 1
        end
        n = n + 1
      end
      begins = false
    end
    if list[n] and list[n].text ~= "}" then n = n + 1 end
  end
  return n + 1
end

--- Places of the parts of the flow's declaration, by path; empty when there is none.
---@param source string
---@return table<string, navodoo.Place>
function outline.read(source)
  local list, out = outline.tokens(source), {}
  for n = 3, #list do
    if list[n].text == "{" and list[n - 1].kind == "string" and list[n - 2].text == "flow" then
      read_table(list, n, "", outline.placer(source), out)
      return out
    end
  end
  return out
end

--- The line in which a flow begins, if one does.
---@param source string
---@return integer?
function outline.flow_line(source)
  local list = outline.tokens(source)
  for n = 2, #list do
    if list[n].kind == "string" and list[n - 1].text == "flow" then
      return outline.placer(source)(list[n - 1].at).line
    end
  end
end

--- Places of the parts of the first table that `return` gives, for files of plain data. They are
--- looked for when the first is asked for, which is when something is wrong.
---@param source string
---@return table<string, navodoo.Place>
function outline.read_returned(source)
  return setmetatable({}, { __index = function(out, path)
    setmetatable(out, nil)
    local list = outline.tokens(source)
    for n = 2, #list do
      if list[n].text == "{" and list[n - 1].text == "return" then
        read_table(list, n, "", outline.placer(source), out)
        break
      end
    end
    return out[path]
  end })
end

--- Line and column of a path, or of the nearest part around it that is known.
---@param places table<string, navodoo.Place>
---@param path string
---@return integer? line
---@return integer? column
function outline.find(places, path)
  while path do
    local place = places[path]
    if place then return place.line, place.column end
    path = path:match "^(.+)%.[^.]*$"
  end
end

return outline
