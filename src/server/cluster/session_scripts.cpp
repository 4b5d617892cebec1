#include "server/cluster/session_scripts.h"

#include <utility>

#include "redis/slots.h"

namespace starling::server {
namespace {

constexpr std::string_view begin_text = R"lua(
local node = ARGV[1]
local value, owner = redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])
local mark = owner and string.sub(owner, 17, 17) or '-'
local function write_owner(written, age)
  redis.call('SET', KEYS[2], node .. mark .. (written and redis.sha1hex(written) or ''), 'PX', age)
end
)lua";

// For a session that this node already has.
constexpr std::string_view check_text = R"lua(
if owner or value then
  local mine = owner and string.sub(owner, 1, 16) == node
               and string.sub(owner, 18) == (value and redis.sha1hex(value) or '')
  if not mine then return -1 end
end
)lua";

constexpr std::string_view save_text = R"lua(
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
write_owner(ARGV[2], ARGV[3])
return 1
)lua";

constexpr std::string_view refresh_text = R"lua(
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('PEXPIRE', KEYS[2], ARGV[2])
)lua";

constexpr std::string_view forget_text = R"lua(
redis.call('DEL', KEYS[1])
if mark == '+' then write_owner(nil, ARGV[2]) else redis.call('DEL', KEYS[2]) end
return owner and 1 or 0
)lua";

constexpr std::string_view take_text = R"lua(
if not value then return false end
local before = owner and string.sub(owner, 1, 16) or node
mark = '+'
redis.call('DEL', KEYS[1])
write_owner(nil, ARGV[2])
return {value, before ~= node and before or ''}
)lua";

std::string joined(std::string_view check, std::string_view end) {
    return std::string(begin_text).append(check).append(end);
}

}  // namespace

std::array<std::string, 2> session_keys(std::string_view begin, std::string_view pid) {
    std::string key = std::string(begin).append(pid);
    std::string owner = redis::name_beside(key, ":owner");
    return {std::move(key), std::move(owner)};
}

std::string save_session_script() { return joined(check_text, save_text); }

std::string refresh_session_script() { return joined(check_text, refresh_text); }

std::string forget_session_script() { return joined(check_text, forget_text); }

std::string take_session_script() { return joined({}, take_text); }

}  // namespace starling::server
