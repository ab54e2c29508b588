--- 0 missed over seeded schedules: see schedules.lua. NAVODOO_SCHEDULES says how many (8,000);
-- tests/run.sh gives a million with FULL=1.

local position = require "navodoo.engine.position"
local schedules = dofile "tests/stdlib/schedules.lua"

local COUNT <const> = math.tointeger(tonumber(os.getenv "NAVODOO_SCHEDULES" or 8000)) // 4

-- Adds up what `run(seed)` misses; names the first seed that missed something.
local function total(run, count)
  local sum, first = 0, nil
  for seed = 1, count or COUNT do
    local missed = run(seed)
    sum = sum + missed
    if missed > 0 then first = first or seed end
  end
  return sum, first
end

local function nothing_missed(run)
  local sum, seed = total(run)
  if sum > 0 then error(("%d rows missed, first by seed %d"):format(sum, seed), 2) end
end

describe(("cursors over %d schedules"):format(4 * COUNT), function()
  it("miss nothing by the stamp of a day", function() nothing_missed(schedules.day) end)
  it("miss nothing by numbers", function() nothing_missed(schedules.numbered) end)
  it("miss nothing by stamp and key", function()
    nothing_missed(function(seed) return schedules.stamped(seed, position) end)
  end)
  it("miss without a stamp only what the nightly walk finds", function()
    local by_stamp = 0
    nothing_missed(function(seed)
      local missed, before = schedules.unstamped(seed)
      by_stamp = by_stamp + before
      return missed
    end)
    expect(by_stamp > 0):is_true()
  end)

  it("would be caught with a hole", function()
    local few = math.min(COUNT, 2000)
    expect(total(function(seed) return schedules.day(seed, function(day) return day end) end, few) > 0):is_true()
    expect(total(function(seed) return schedules.numbered(seed, 0) end, few) > 0):is_true()
    expect(total(function(seed) return schedules.stamped(seed, position, 0) end, few) > 0):is_true()
  end)
end)
