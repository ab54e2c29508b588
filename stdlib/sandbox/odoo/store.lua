--- Tables in memory: rows by id, ids ascending, indexes, and a log to undo a call by.
--
-- Rows are never changed in place: an update stores a new table, so an old row kept by the undo log
-- stays what it was. Sequences are not undone, as in PostgreSQL: a refused call leaves a gap.
-- `false` in a set of changes means NULL; in a row, NULL is absence.

local store = {}

local Table = {}
Table.__index = Table

--- An empty table.
---@param indexed table<string, boolean>  names of fields looked up by value
---@return table
function store.new_table(indexed)
  local t = setmetatable({
    rows = {}, ids = {}, seq = 0, dead = 0, indexed = indexed, index = {}, dirty = false,
  }, Table)
  for name in pairs(indexed) do t.index[name] = {} end
  return t
end

-- Index buckets: one id plain, several as a set with its size in `n`.
local function bucket_add(index, value, id)
  local at = index[value]
  if at == nil then
    index[value] = id
  elseif type(at) == "table" then
    if not at[id] then at[id], at.n = true, at.n + 1 end
  elseif at ~= id then
    index[value] = { [at] = true, [id] = true, n = 2 }
  end
end

local function bucket_remove(index, value, id)
  local at = index[value]
  if at == id then
    index[value] = nil
  elseif type(at) == "table" and at[id] then
    at[id], at.n = nil, at.n - 1
    if at.n == 0 then index[value] = nil end
  end
end

local function set_row(t, id, row)
  local old = t.rows[id]
  for name in pairs(t.indexed) do
    local before, after = old and old[name], row and row[name]
    if before ~= after then
      if before ~= nil then bucket_remove(t.index[name], before, id) end
      if after ~= nil then bucket_add(t.index[name], after, id) end
    end
  end
  t.rows[id] = row
end

--- The next id; never given twice, whatever becomes of the call.
---@return integer
function Table:next_id()
  self.seq = self.seq + 1
  return self.seq
end

--- Ids whose `field` equals `value`, ascending; the field must be indexed.
---@param field string
---@param value any
---@return integer[]
function Table:where(field, value)
  local at = value ~= nil and self.index[field][value]
  if not at then return {} end
  if type(at) ~= "table" then return { at } end
  local ids = {}
  for id in pairs(at) do
    if id ~= "n" then ids[#ids + 1] = id end
  end
  table.sort(ids)
  return ids
end

--- How many ids `where` would give.
---@return integer
function Table:count(field, value)
  local at = value ~= nil and self.index[field][value]
  if not at then return 0 end
  return type(at) == "table" and at.n or 1
end

--- Forgets the numbers of deleted rows when they are many. Only between calls: a rollback may still
--- bring a row back.
function Table:compact()
  if self.dead < 64 or self.dead * 2 < #self.ids then return end
  local kept = {}
  for _, id in ipairs(self.ids) do
    if self.rows[id] then kept[#kept + 1] = id end
  end
  self.ids, self.dead = kept, 0
end

--- All rows, ids ascending.
---@return fun(): integer?, table?
function Table:each()
  local i, ids, rows = 0, self.ids, self.rows
  return function()
    while true do
      i = i + 1
      local id = ids[i]
      if not id then return nil end
      if rows[id] then return id, rows[id] end
    end
  end
end

---@return integer
function Table:size() return #self.ids - self.dead end

local function append(t, id)
  local ids = t.ids
  local n = #ids
  if n == 0 or ids[n] < id then
    ids[n + 1] = id
    return
  end
  for at = n, 1, -1 do -- ids of a seed may come out of order
    if ids[at] < id then
      table.insert(ids, at + 1, id)
      return
    end
  end
  table.insert(ids, 1, id)
end

--- Adds a row without a trace in any log: what seeds do.
---@param row table  its `id` may be set
---@return integer
function Table:seed(row)
  row.id = row.id or self:next_id()
  if row.id > self.seq then self.seq = row.id end
  append(self, row.id)
  set_row(self, row.id, row)
  return row.id
end

-- Transactions -----------------------------------------------------------------------------------

local Log = {}
Log.__index = Log

--- A log of one call.
---@return table
function store.new_log()
  return setmetatable({}, Log)
end

function Log:insert(t, row)
  self[#self + 1] = { t, row.id, false }
  append(t, row.id)
  set_row(t, row.id, row)
  t.dirty = true
end

function Log:replace(t, row)
  self[#self + 1] = { t, row.id, t.rows[row.id] }
  set_row(t, row.id, row)
  t.dirty = true
end

function Log:delete(t, id)
  self[#self + 1] = { t, id, t.rows[id] }
  set_row(t, id, nil)
  t.dead = t.dead + 1
  t.dirty = true
end

--- A point to come back to.
---@return integer
function Log:mark() return #self end

--- Takes back everything after `mark`.
---@param mark integer
function Log:rollback(mark)
  for at = #self, mark + 1, -1 do
    local t, id, before = self[at][1], self[at][2], self[at][3]
    local now = t.rows[id]
    if now and not before then
      t.dead = t.dead + 1
    elseif before and not now then
      t.dead = t.dead - 1
    end
    set_row(t, id, before or nil)
    self[at] = nil
  end
end

return store
