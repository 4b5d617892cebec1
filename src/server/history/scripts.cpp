#include "server/history/scripts.h"

namespace starling::server {
namespace {

// Both scripts begin with this. A number beyond 2^53 does not occur: offsets count publications.
constexpr std::string_view begin_text = R"lua(
local stream, state = KEYS[1], KEYS[2]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local known = redis.call('HMGET', state, 'r', 'e', 'o', 'b', 'a')
local epoch, top, begun = known[2], tonumber(known[3] or 0), tonumber(known[4] or 0)
if not epoch then redis.call('DEL', stream) end
if known[1] ~= run then
  epoch, begun = ARGV[1], top
  redis.call('HSET', state, 'r', run, 'e', epoch, 'o', known[3] or '0', 'b', known[3] or '0')
end
local function text(number) return string.format('%.0f', number) end
local function offset_of(entry) return tonumber(string.match(entry[1], '^%d+')) end
local function drop_old(age)
  for _ = 1, 64 do
    local last
    local head = redis.call('XRANGE', stream, '-', '+', 'COUNT', 2)
    for _, entry in ipairs(head) do
      if tonumber(entry[2][2]) > now - age then break end
      last = entry
    end
    if not last then return end
    redis.call('XTRIM', stream, 'MINID', text(offset_of(last) + 1) .. '-0')
  end
end
local function oldest()
  local head = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)
  return head[1] and offset_of(head[1]) or top + 1
end
)lua";

constexpr std::string_view append_text = R"lua(
local messages, age, sender = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local before = redis.call('HGET', state, 's:' .. sender)
local newest = tonumber(string.match(before or '0', '^%d+'))
local function forget_senders()
  local all, old = redis.call('HGETALL', state), {}
  for i = 1, #all, 2 do
    local last = tonumber(string.match(all[i + 1], ':(%d+)$') or 0)
    if string.sub(all[i], 1, 2) == 's:' and last < now - 600000 then old[#old + 1] = all[i] end
  end
  for _, field in ipairs(old) do redis.call('HDEL', state, field) end
end
local kept = nil
local function find(number)
  if not kept then
    kept = {}
    local pattern = '^' .. sender .. ':(%d+)$'
    for _, entry in ipairs(redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 10000)) do
      local own = tonumber(string.match(entry[2][4], pattern) or -1)
      if own >= 0 then kept[own] = offset_of(entry) end
      if own >= 0 and own <= number then break end
    end
  end
  return kept[number] or oldest() - 1
end
local answer = {epoch}
local added = false
for i = 5, #ARGV, 2 do
  local number = tonumber(ARGV[i])
  if number <= newest then
    answer[#answer + 1] = text(find(number))
  else
    top = top + 1
    redis.call('XADD', stream, text(top) .. '-0',
               't', text(now), 'i', sender .. ':' .. ARGV[i], 'd', ARGV[i + 1])
    newest = number
    added = true
    answer[#answer + 1] = text(top)
  end
end
if added then
  redis.call('XTRIM', stream, 'MAXLEN', messages)
  drop_old(age)
  redis.call('HSET', state, 'o', text(top), 'a', text(age),
             's:' .. sender, text(newest) .. ':' .. text(now))
  if not before then forget_senders() end
  redis.call('PEXPIRE', stream, age)
  redis.call('PEXPIRE', state, age + 3600000)
end
return answer
)lua";

constexpr std::string_view read_text = R"lua(
local age = tonumber(known[5] or 0)
if age > 0 then drop_old(age) end
redis.call('PEXPIRE', state, age + 3600000)
local first = oldest()
local limit, bytes_max = tonumber(ARGV[4]), tonumber(ARGV[5])
local answer = {epoch, text(top), text(begun), text(first)}
local bytes, count = 0, 0
local function fits(entry)
  bytes = bytes + #entry[2][6]
  if count >= limit or (count > 0 and bytes > bytes_max) then return false end
  count = count + 1
  return true
end
if ARGV[2] ~= '' or ARGV[3] ~= '' then
  local from = first
  if ARGV[2] == epoch and tonumber(ARGV[3]) >= first then from = tonumber(ARGV[3]) + 1 end
  local going = true
  while going and from <= top and count < limit do
    local part = redis.call('XRANGE', stream, text(from) .. '-0', '+', 'COUNT', 64)
    for _, entry in ipairs(part) do
      going = fits(entry)
      if not going then break end
      answer[#answer + 1] = text(offset_of(entry))
      answer[#answer + 1] = entry[2][6]
      from = offset_of(entry) + 1
    end
    if #part < 64 then going = false end
  end
elseif limit > 0 then
  local newest, till, going = {}, top, true
  while going and till > 0 and count < limit do
    local part = redis.call('XREVRANGE', stream, text(till) .. '-0', '-', 'COUNT', 64)
    for _, entry in ipairs(part) do
      going = fits(entry)
      if not going then break end
      newest[#newest + 1] = entry
      till = offset_of(entry) - 1
    end
    if #part < 64 then going = false end
  end
  for i = #newest, 1, -1 do
    answer[#answer + 1] = text(offset_of(newest[i]))
    answer[#answer + 1] = newest[i][2][6]
  end
end
return answer
)lua";

}  // namespace

std::string append_script() { return std::string(begin_text).append(append_text); }

std::string read_script() { return std::string(begin_text).append(read_text); }

HistoryKeys history_keys(std::string_view prefix, std::string_view channel) {
    std::string stream(prefix);
    stream += "history:{";
    for (const char c : channel) {
        if (c == '%')
            stream += "%25";
        else if (c == '{')
            stream += "%7B";
        else if (c == '}')
            stream += "%7D";
        else
            stream += c;
    }
    stream += '}';
    std::string state = stream + ":state";
    return {std::move(stream), std::move(state)};
}

}  // namespace starling::server
