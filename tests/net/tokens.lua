-- SPDX-License-Identifier: BSD-2-Clause
-- wrk script for one thread: wrk -t 1 ... -- REQUESTS TOKENS. Ends after so many
-- answers; tokens take turns, each in all places that a token may have.
local many, turn, answers, wanted = {}, 0, 0, 0

function init(args)
	for i = 1, tonumber(args[2]) do
		local token = string.format("wrk-token-%d", i)
		many[#many + 1] = wrk.format("GET", nil, { Authorization = "Bearer " .. token .. "-bearer" })
		many[#many + 1] = wrk.format("GET", nil, { ["X-API-Key"] = token .. "-key" })
		many[#many + 1] = wrk.format("GET", wrk.path .. "?key=" .. token .. "-query")
	end
	many[#many + 1] = wrk.format("GET")
	wanted = tonumber(args[1])
end

function request()
	turn = turn % #many + 1
	return many[turn]
end

function response()
	answers = answers + 1
	if answers == wanted then
		wrk.thread:stop()
		-- The main thread sleeps out its -d unless it is interrupted, and may not
		-- sleep yet when the first signal comes: until it is gone. Not os.execute,
		-- which shields us from SIGINT.
		io.popen("(while kill -INT $PPID; do sleep 0.1; done) 2>/dev/null &")
	end
end
