--- The position in rows that are numbered as they are made: ledger entries, the change log.
--
-- Numbers only grow, but a low one may show late: its transaction took it and commits after
-- a higher one is seen. No transaction lasts longer than `patience` (NAV ends an operation
-- after 8 minutes), so what is hidden below the highest number at the end of a walk shows
-- within that time. Hence a mark follows behind: it moves to the highest number of an
-- earlier walk once the patience since that walk is over *before* a walk begins, because
-- that walk still reads all of it. Gaps that remain are those of transactions that were
-- rolled back. Only our own clock counts, so no server's clock can be wrong.
--
--     { mark = 1200, seen = { { n = 1250, at = us }, ... }, scan = { after =, high =, began = } }
--
-- Pure functions; instants are microseconds.

local numbers = {}

---@class navodoo.Numbers
---@field mark integer           rows up to this number are known
---@field seen { n: integer, at: integer }[]  highest numbers of earlier walks, oldest first
---@field scan { after: integer, high: integer, began: integer, full: boolean? }|nil

--- Marks that are remembered while the patience lasts.
local STEPS <const> = 8

--- Begins a walk, or goes on with the one that was interrupted.
---@param state navodoo.Numbers|table
---@param now integer
---@param full boolean?  from the first row
---@return navodoo.Numbers
function numbers.begin(state, now, full)
  if state.scan and (state.scan.full or not full) then return state end
  local mark = state.mark or 0
  return { mark = mark, seen = state.seen or {},
           scan = { after = full and 0 or mark, high = mark, began = now, full = full or nil } }
end

--- The state after one page.
---@param state navodoo.Numbers
---@param rows { key: integer }[]  in the order of their numbers
---@param more boolean    another page follows
---@param now integer
---@param patience integer
---@return navodoo.Numbers state
---@return boolean done
function numbers.advance(state, rows, more, now, patience)
  local scan = state.scan
  local last = rows[#rows] and rows[#rows].key or scan.after
  local high = math.max(scan.high, last)
  if more then
    return { mark = state.mark, seen = state.seen,
             scan = { after = last, high = high, began = scan.began, full = scan.full } }, false
  end
  local mark, seen = state.mark, {}
  for _, point in ipairs(state.seen) do
    if scan.began - point.at >= patience then mark = math.max(mark, point.n)
    else seen[#seen + 1] = point end
  end
  local newest = seen[#seen]
  if high > mark and (not newest or high > newest.n and now - newest.at >= patience // STEPS) then
    seen[#seen + 1] = { n = high, at = now }
  end
  return { mark = mark, seen = seen }, true
end

return numbers
