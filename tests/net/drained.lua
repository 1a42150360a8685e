-- SPDX-License-Identifier: BSD-2-Clause
-- tokens.lua, with an end at which nothing is under way: when as many requests have been
-- asked as are wanted, each connection waits for its answer and then asks no more.
dofile(os.getenv("NET") .. "/tokens.lua")

local begin, ask = init, request
-- wrk asks once before it begins, to see what a request looks like, and does not send that.
local asked, wanted = -1, 0

function init(args)
	begin(args)
	wanted = tonumber(args[1])
end

function request()
	asked = asked + 1
	return asked <= wanted and ask() or ""
end
