-- SPDX-License-Identifier: BSD-2-Clause
-- wrk script for one thread: wrk -t 1 ... -- SECONDS NAME TOKENS BYTES. Tokens NAME-001-...
-- take turns; a name is chosen so that the prefix shown tells them apart. Each
-- request has a body of so many bytes, 0: none. After SECONDS each connection waits for its answer and
-- asks no more, so that at the end nothing is under way.
local many, turn, stop = {}, 0, 0

function init(args)
	local name, tokens, bytes = args[2], tonumber(args[3]), tonumber(args[4])
	local method, body = "GET", nil

	if bytes > 0 then
		method, body = "POST", string.rep("b", bytes)
	end
	for i = 0, tokens - 1 do
		local headers = { ["X-API-Key"] = string.format("%s-%03d-of-the-soak", name, i) }
		if os.getenv("CLOSE") then
			headers["Connection"] = "close"
		end
		many[#many + 1] = wrk.format(method, nil, headers, body)
	end
	stop = os.time() + tonumber(args[1])
end

function request()
	if os.time() >= stop then
		return ""
	end
	turn = turn % #many + 1
	return many[turn]
end
