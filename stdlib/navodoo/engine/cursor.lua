--- The position of a poll: which rows to ask for next, and what a page changes.
--
-- A cursor is `{ mark=, scan={ from=, high=, after=, full= } }`. A scan walks the
-- rows with stamp >= `from` in key order, page by page; it moves only together with
-- the jobs that its page made (one transaction). Rows that change behind its back
-- carry a stamp of today or later, so the next scan, which starts at
-- `mark = high - overlap`, sees them again; the content hash keeps what did not
-- change from making work. A `full` scan ignores stamps: it finds rows that were
-- changed without one (NAV: MODIFY(FALSE) sets no Last Date Modified).
-- Pure functions; no clock, no store.

local cursor = {}

---@class navodoo.Scan
---@field from string|nil   stamp to start at, nil for all rows
---@field high string|nil   highest stamp seen
---@field after string|nil  key of the last row handled
---@field full boolean
---@field began string|nil  day on which the walk began

---@class navodoo.Cursor
---@field mark string|nil   rows with a lower stamp are known
---@field scan navodoo.Scan|nil  the walk under way

--- Begins a walk, or goes on with the one that was interrupted.
---@param state navodoo.Cursor
---@param full boolean
---@param today string|nil  the day now, in the words of the stamps
---@return navodoo.Cursor
function cursor.begin(state, full, today)
  if state.scan and (state.scan.full or not full) then return state end
  return { mark = state.mark,
           scan = { from = not full and state.mark or nil, high = state.mark, full = full, began = today } }
end

--- The state after one page.
---@param state navodoo.Cursor
---@param rows table[]     rows of the page, in key order: { key=, stamp= }
---@param more boolean     another page follows
---@param overlap fun(stamp: string): string   the mark that a highest stamp allows
---@return navodoo.Cursor state
---@return boolean done
function cursor.advance(state, rows, more, overlap)
  local scan = state.scan
  local high, after = scan.high, scan.after
  for _, row in ipairs(rows) do
    -- a row that was never touched has no date (null)
    if type(row.stamp) == "string" and (not high or row.stamp > high) then high = row.stamp end
    after = row.key
  end
  if more then
    return { mark = state.mark,
             scan = { from = scan.from, high = high, after = after, full = scan.full,
                      began = scan.began } }, false
  end
  -- rows before `after` may have changed while the walk was interrupted, with days between its
  -- begin and the highest stamp; and a stamp of the future would hide all that comes before it
  if high and scan.began and high > scan.began then high = scan.began end
  return { mark = high and overlap(high) or state.mark }, true
end

--- Marks of a stamp with the grain of a day: one day of overlap, because a
-- transaction that began before midnight may commit after it with the older day.
---@param day string "YYYY-MM-DD"
---@param previous_day fun(day: string): string
---@return string
function cursor.day_overlap(day, previous_day) return previous_day(day) end

return cursor
