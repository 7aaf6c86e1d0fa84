-- Removes a report of a message.
--
-- KEYS  1 the reports   2 all ids   3 the ids of guests' reports (reports.lua)
-- ARGV  1 id
-- Answer: 1 if there was one, else 0

return removeReport(KEYS[1], KEYS[2], KEYS[3], ARGV[1]) and 1 or 0
