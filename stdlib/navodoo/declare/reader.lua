--- What all parts of a declaration are read with: notes mistakes, each at its place.
--
-- One reader per flow. Its functions take the path of what they look at ("nav.watch.every"),
-- from which `navodoo.outline` knows line and column.

local outline = require "navodoo.outline"
local problem = require "navodoo.problem"

local reader = {}
reader.__index = reader

--- A reader of one flow.
---@param file string
---@param line integer?    of the flow
---@param places table<string, navodoo.Place>
function reader.new(file, line, places)
  return setmetatable({ places = places, file = file, line = line, problems = {} }, reader)
end

--- Notes a mistake in what stands at `path`.
function reader:note(path, text, near)
  local line, column = outline.find(self.places, path)
  self.problems[#self.problems + 1] = problem.new {
    file = self.file, line = line or self.line, column = column, text = text, near = near,
  }
end

--- The line of what stands at `path`, or the flow's.
function reader:line_of(path) return self.places[path] and self.places[path].line or self.line end

--- Reports the keys of `t` that are not in `known`, and list items unless `listed`.
function reader:keys(path, t, known, listed)
  for key in pairs(t) do
    if type(key) ~= "string" then
      if not listed then
        self:note(path, ("%s: item %s without a key"):format(path, tostring(key)))
      end
    end
  end
  for _, key in ipairs(problem.names(t)) do
    local found = false
    for _, k in ipairs(known) do found = found or k == key end
    if not found then
      self:note(path == "" and key or path .. "." .. key,
        ("unknown key %s%q"):format(path == "" and "" or "in " .. path .. ": ", key),
        problem.near(key, known))
    end
  end
end

--- A value of type `wanted`; nil when it is absent (noted if `needed`) or of another type.
function reader:get(t, path, key, wanted, needed)
  local v = t[key]
  local here = path == "" and key or path .. "." .. key
  if v == nil then
    if needed then self:note(path, ("%s is missing"):format(here)) end
    return nil
  end
  if v == problem.broken then return nil end
  if type(v) ~= wanted then
    self:note(here, ("%s must be a %s, got %s"):format(here, wanted, problem.a(v)))
    return nil
  end
  return v
end

--- A name or a list of names, as a list.
function reader:name_list(v, here)
  if type(v) == "string" then return { v } end
  if type(v) ~= "table" then
    self:note(here, ("%s must be a name or a list of names, got %s"):format(here, problem.a(v)))
    return nil
  end
  local out = {}
  for i, name in ipairs(v) do
    if type(name) ~= "string" then
      self:note(here, ("%s: name %d is %s"):format(here, i, problem.a(name)))
      return nil
    end
    out[i] = name
  end
  if #out == 0 then
    self:note(here, here .. ": the list is empty")
    return nil
  end
  return out
end

--- A text that is one of `known`, or `default` when it is absent.
function reader:choice(t, path, key, known, default)
  local v = self:get(t, path, key, "string")
  if v == nil then return default end
  for _, k in ipairs(known) do
    if k == v then return v end
  end
  self:note(path == "" and key or path .. "." .. key, ("%s is %s, got %q"):format(key,
    '"' .. table.concat(known, '", "', 1, #known - 1) .. '" or "' .. known[#known] .. '"', v),
    problem.near(v, known))
  return default
end

return reader
