-- Batches of which a part is refused: every record has its own outcome, in a bounded number of calls.

local sending = require "navodoo.engine.sending"

local COLUMNS <const> = { "name" }
local REFUSED <const> = { class = "invalid", code = "ValueError", text = "no" }
local LOST <const> = { class = "unknown", code = "network", text = "cut" }

-- A target that takes all rows of a call or none, and keeps count. `names` says how many of the bad
-- rows of a call it names; `cut(n)` whether the answer of call n is lost, and "before" or "after".
local function target(options)
  local self = { calls = 0, written = {}, twice = 0, lost = 0 }
  self.endpoint = { name = "odoo" }
  function self.load(_, _, _, rows)
    self.calls = self.calls + 1
    if options.max and #rows > options.max then
      local out = {}
      for i = 1, #rows do out[i] = { ok = false, again = true, large = true } end
      return out
    end
    local cut = options.cut and options.cut(self.calls)
    local bad, out, named = false, {}, 0
    for i, row in ipairs(rows) do
      if row.write.name == "poison" then
        bad = true
        if #rows == 1 or named < (options.names or 0) then
          out[i], named = { ok = false, err = REFUSED }, named + 1
        end
      end
      out[i] = out[i] or { ok = false, again = true }
    end
    if not bad and cut ~= "before" then
      for i, row in ipairs(rows) do
        if self.written[row.xmlid] then self.twice = self.twice + 1 end
        self.written[row.xmlid] = true
        out[i] = { ok = true, id = i }
      end
    end
    if cut then
      self.lost = self.lost + 1
      return nil, LOST
    end
    return out
  end
  return self
end

local function engine_with(odoo)
  return { odoo = odoo, model = "res.partner", load_fields = COLUMNS, flow = { odoo_fields = COLUMNS } }
end

local function items_of(first, last, is_bad)
  local items = {}
  for n = first, last do
    items[#items + 1] = { xmlid = ("c-%05d"):format(n), write = { name = is_bad(n) and "poison" or "good" } }
  end
  return items
end

-- A shuffle that is the same every time.
local function pick(count, among, seed)
  local chosen, x = {}, seed
  while count > 0 do
    x = (x * 6364136223846793005 + 1442695040888963407) & math.maxinteger
    local n = (x >> 20) % among + 1
    if not chosen[n] then chosen[n], count = true, count - 1 end
  end
  return chosen
end

local RECORDS <const>, SIZE <const> = 10000, 100
local HALVINGS <const> = 7 -- of 100 rows

-- Sends all in batches; answers the poison's count and how the items ended.
local function run(odoo, share, seed)
  local bad, all = pick(RECORDS * share // 100, RECORDS, seed), {}
  local engine = engine_with(odoo)
  for first = 1, RECORDS, SIZE do
    local items = items_of(first, first + SIZE - 1, function(n) return bad[n] end)
    sending.write(engine, items)
    table.move(items, 1, #items, #all + 1, all)
  end
  return RECORDS * share // 100, all
end

local function judge(odoo, all)
  local lost, refused, written = 0, 0, 0
  for _, item in ipairs(all) do
    local poison = item.write.name == "poison"
    if item.failed and item.failed.class == "unknown" then lost = lost + 1
    elseif poison then
      expect(item.failed):equals(REFUSED)
      refused = refused + 1
    else
      expect(item.failed):is_nil()
      expect(odoo.written[item.xmlid]):is_true()
      written = written + 1
    end
  end
  expect(odoo.twice):equals(0)
  return written, refused, lost
end

describe("a batch with poison", function()
  for _, share in ipairs { 1, 5 } do
    it(("of %d %% refuses nobody else, in calls bounded by log2"):format(share), function()
      local odoo = target {}
      local poison, all = run(odoo, share, 7)
      local written, refused = judge(odoo, all)
      expect(written .. " " .. refused):equals(RECORDS - poison .. " " .. poison)
      local bound = RECORDS // SIZE + poison * (HALVINGS + 2)
      print(("%d records, %d %% poison, batches of %d: %d calls, bound %d"):format(RECORDS, share, SIZE,
        odoo.calls, bound))
      expect(odoo.calls <= bound):is_true()
    end)
  end

  it("that the target names costs one more call a batch", function()
    local odoo = target { names = SIZE }
    local poison, all = run(odoo, 1, 7)
    judge(odoo, all)
    expect(odoo.calls <= 2 * RECORDS // SIZE + poison):is_true()
    expect(odoo.calls > RECORDS // SIZE):is_true()
  end)

  it("of which only one is named at a time ends as well", function()
    local odoo = target { names = 1 }
    local poison, all = run(odoo, 1, 7)
    local _, refused = judge(odoo, all)
    expect(refused):equals(poison)
    expect(odoo.calls <= RECORDS // SIZE + poison):is_true()
  end)

  it("and with cuts sends nothing again that may have been written", function()
    for _, way in ipairs { "before", "after" } do
      local odoo = target { cut = function(n) return n % 10 == 3 and way or nil end }
      local _, all = run(odoo, 1, 11)
      local written, refused, lost = judge(odoo, all)
      expect(written + refused + lost):equals(RECORDS)
      expect(odoo.lost > 10 and lost > 0 and written > 0):is_true()
    end
  end)

  it("is halved where the whole of it is too large", function()
    local odoo = target { max = 30 }
    local items = items_of(1, 100, function(n) return n == 40 end)
    sending.write(engine_with(odoo), items)
    judge(odoo, items)
    expect(odoo.calls <= 7 + HALVINGS + 2):is_true()
  end)
end)
