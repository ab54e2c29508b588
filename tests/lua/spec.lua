--- A small spec runner for our own runtime, where the primitives are.
--
-- Files describe behaviour with `describe`, `it` and `expect`; a test may wait
-- (task.sleep, http.request). `spec.run(files)` prints each failure with its place
-- and one closing line `N passed, N failed`.

local spec = {}

local passed, failed, names = 0, 0, {}

local function show(v, depth)
  if type(v) == "string" then return ("%q"):format(v) end
  if type(v) ~= "table" or (depth or 0) > 4 or (getmetatable(v) or {}).__tostring then
    return tostring(v)
  end
  local keys, out = {}, {}
  for k in pairs(v) do keys[#keys + 1] = k end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for i, k in ipairs(keys) do
    out[i] = ("%s=%s"):format(tostring(k), show(v[k], (depth or 0) + 1))
  end
  return "{" .. table.concat(out, ", ") .. "}"
end

local function same(a, b)
  if type(a) ~= type(b) then return false end
  if type(a) ~= "table" then
    return a == b and math.type(a) == math.type(b)
  end
  for k, v in pairs(a) do
    if not same(v, b[k]) then return false end
  end
  for k in pairs(b) do
    if a[k] == nil then return false end
  end
  return true
end

local expectation = {}
expectation.__index = expectation

local function check(ok, ...)
  if not ok then error(("expected %s, got %s"):format(...), 3) end
end

--- Deep equality; an integer never equals a float.
function expectation:equals(x) check(same(self.value, x), show(x), show(self.value)) end
function expectation:is_nil() check(self.value == nil, "nil", show(self.value)) end
function expectation:is_true() check(self.value == true, "true", show(self.value)) end
function expectation:is_false() check(self.value == false, "false", show(self.value)) end
--- The text of the value matches a Lua pattern.
function expectation:matches(pattern)
  check(tostring(self.value):find(pattern) ~= nil, "a match of " .. pattern, show(self.value))
end

--- Fails the test unless `fn` raises something whose text matches `pattern`.
local function raises(fn, pattern)
  local ok, err = pcall(fn)
  if ok then error("expected an error, got none", 2) end
  if pattern and not tostring(err):find(pattern) then
    error(("expected an error matching %s, got %s"):format(pattern, tostring(err)), 2)
  end
end

function spec.describe(name, fn)
  names[#names + 1] = name
  fn()
  names[#names] = nil
end

function spec.it(name, fn)
  local full = table.concat(names, " ") .. " " .. name
  local ok, err = xpcall(fn, function(e)
    return type(e) == "string" and debug.traceback(e, 2) or show(e)
  end)
  if ok then
    passed = passed + 1
  else
    failed = failed + 1
    io.stdout:write("FAILED: ", full, "\n  ", tostring(err):gsub("\n", "\n  "), "\n")
  end
end

spec.expect = setmetatable({ raises = raises }, {
  __call = function(_, value) return setmetatable({ value = value }, expectation) end,
})

--- Runs spec files one after the other; returns true when all passed.
---@param files string[]
---@return boolean
function spec.run(files)
  _G.describe, _G.it, _G.expect = spec.describe, spec.it, spec.expect
  for _, file in ipairs(files) do
    local chunk, err = loadfile(file)
    if chunk then
      local ok, problem = xpcall(chunk, debug.traceback)
      if not ok then
        failed = failed + 1
        io.stdout:write("FAILED: ", file, "\n  ", tostring(problem), "\n")
      end
    else
      failed = failed + 1
      io.stdout:write("FAILED: ", tostring(err), "\n")
    end
  end
  io.stdout:write(("%d passed, %d failed\n"):format(passed, failed))
  return failed == 0
end

--- Entry point of navodoo-spec. With NAVODOO_SPEC_GC set the collector never rests: what is
-- only held by luck is gone then.
---@param files string[]
---@return integer exit code
function spec.start(files)
  if os.getenv "NAVODOO_SPEC_GC" then
    collectgarbage("incremental", 1, 1000, 1)
    collectgarbage("setpause", 0)
  end
  return spec.run(files) and 0 or 1
end

return spec
