--- navodoo.store: transactions as scripts build them.

local fs = require "navodoo.fs"
local json = require "navodoo.json"
local store = require "navodoo.store"

local function with_store(fn)
  local folder = os.tmpname()
  os.remove(folder)
  assert(store.open(folder))
  local ok, err = xpcall(fn, debug.traceback)
  store.close()
  for _, name in ipairs(assert(fs.list(folder))) do os.remove(folder .. "/" .. name) end
  os.remove(folder)
  if not ok then error(err, 0) end
end

describe("txn:add_each", function()
  it("adds an operation for each row of its columns; other values are the same in all", function()
    with_store(function()
      local txn = store.txn()
      txn:add_each("journal_add", 3, 100, "f", "nav_to_odoo", { "C1", "C2", "C3" }, { 7, nil, 9 }, "created",
                   { json.null, "{}" }, 1)
      expect(#txn):equals(3)
      assert(store.apply(txn))
      local rows = assert(store.query("journal_tail", "f", nil, 10))
      local found = {}
      for i, row in ipairs(rows) do
        found[i] = ("%s %s %s %d"):format(row.record, tostring(row.job), tostring(row.detail), row.at)
      end
      table.sort(found)
      expect(found):equals { "C1 7 nil 100", "C2 nil {} 100", "C3 9 nil 100" }
    end)
  end)

  it("refuses what no column can hold, and too many of them", function()
    local txn = store.txn()
    expect(select(2, pcall(txn.add_each, txn, "lot_done", 1, "f", { {} }))):matches "value 2 is a table"
    expect(select(2, pcall(txn.add_each, txn, "lot_done", 1, "f", 1, 2))):matches "takes 2 values, got 3"
    expect(select(2, pcall(txn.add_each, txn, "no_such", 1))):matches "no operation 'no_such'"
  end)
end)
