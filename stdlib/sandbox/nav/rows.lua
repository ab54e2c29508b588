--- One table of the database: rows by key, keys in order, a version per row.
--
-- The sorted key list is kept while keys come and go; lists in another order are cached until the
-- next write. Row versions grow over the whole database, one step per write.

local rows = {}

---@class sandbox.nav.Rows
---@field by_key table<string, table>
---@field versions table<string, integer>
---@field keys string[]       in key order
---@field sorted table        other orders, each with the write count it was made at
---@field writes integer

---@return sandbox.nav.Rows
function rows.new()
  return { by_key = {}, versions = {}, keys = {}, sorted = {}, writes = 0 }
end

--- The key of a row as text: a number is padded, so that the order of texts is that of numbers.
---@param key string|integer
---@return string
function rows.text_key(key)
  return type(key) == "string" and key or ("%015d"):format(key)
end

--- Index of the first key that is greater than `key` (or equal, with `or_equal`).
---@param t sandbox.nav.Rows
---@param key string
---@param or_equal boolean?
---@return integer   #keys + 1 when there is none
function rows.after(t, key, or_equal)
  local keys = t.keys
  local low, high = 1, #keys + 1
  while low < high do
    local middle = (low + high) // 2
    local candidate = keys[middle]
    if candidate > key or (or_equal and candidate == key) then
      high = middle
    else
      low = middle + 1
    end
  end
  return low
end

local function written(state, t, key)
  state.row_version = state.row_version + 1
  t.versions[key] = state.row_version
  t.writes = t.writes + 1
end

--- Adds or replaces a row.
---@param state table
---@param t sandbox.nav.Rows
---@param key string
---@param row table
function rows.put(state, t, key, row)
  if not t.by_key[key] then table.insert(t.keys, rows.after(t, key), key) end
  t.by_key[key] = row
  written(state, t, key)
end

--- Adds many rows whose keys are new; sorts once.
---@param state table
---@param t sandbox.nav.Rows
---@param list { key: string, row: table }[]
function rows.load(state, t, list)
  for _, entry in ipairs(list) do
    t.keys[#t.keys + 1] = entry.key
    t.by_key[entry.key] = entry.row
    written(state, t, entry.key)
  end
  table.sort(t.keys)
end

---@param state table
---@param t sandbox.nav.Rows
---@param key string
function rows.delete(state, t, key)
  table.remove(t.keys, rows.after(t, key, true))
  written(state, t, key)
  t.by_key[key], t.versions[key] = nil, nil
end

--- The keys in another order, made once per write.
---@param t sandbox.nav.Rows
---@param name string                         names the order
---@param value_of fun(row: table): any ...   sort values of a row, all of one type per place
---@param descending boolean[]                per place
---@return string[]
function rows.in_order(t, name, value_of, descending)
  local known = t.sorted[name]
  if known and known.writes == t.writes then return known.keys end
  local entries, places = {}, #descending
  for n, key in ipairs(t.keys) do
    local entry = table.pack(value_of(t.by_key[key]))
    entry.at, entry.key = n, key
    entries[n] = entry
  end
  table.sort(entries, function(a, b)
    for place = 1, places do
      local x, y = a[place], b[place]
      if x ~= y then
        if descending[place] then return y < x end
        return x < y
      end
    end
    return a.at < b.at
  end)
  local keys = {}
  for n, entry in ipairs(entries) do keys[n] = entry.key end
  t.sorted[name] = { writes = t.writes, keys = keys }
  return keys
end

return rows
