#include "webhook/answer.h"

#include <cassert>

#include "base/json_text.h"

namespace starling::webhook {

Answer success(size_t connections, size_t missing_nodes) {
    std::string body = R"({"code":0,"message":"success","data":{"connections":)";
    body += std::to_string(connections);
    if (missing_nodes > 0) body.append(",\"missing_nodes\":").append(std::to_string(missing_nodes));
    return {200, body.append("}}")};
}

Answer success() { return {200, R"({"code":0,"message":"success"})"}; }

Answer problem(Reading reading, uint16_t status, std::string_view message) {
    std::string body = "{\"code\":" + std::to_string(status) + ",\"message\":";
    base::append_json_string(body, message);
    body += '}';
    const bool as_success = reading == Reading::lenient && status == 400;
    return {as_success ? uint16_t{200} : status, std::move(body)};
}

IdempotencyCache::Claim IdempotencyCache::claim(std::string_view key, uint64_t now_ms) {
    assert(!key.empty() && key.size() <= key_bytes_max);
    while (!entries_.empty() && entries_.front().expires_ms <= now_ms) drop_oldest();
    if (const auto found = by_key_.find(key); found != by_key_.end()) {
        const Entry& entry = *found->second;
        if (!entry.answered) return {Found::running, nullptr};
        return {Found::answer, &entry.answer};
    }
    if (entries_.size() >= options_.keys_max) drop_oldest();
    const auto added = entries_.insert(
        entries_.end(), Entry{std::string(key), now_ms + options_.kept_ms, false, {}});
    by_key_.emplace(added->key, added);
    return {};
}

void IdempotencyCache::answer(std::string_view key, const Answer& answer) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return;
    found->second->answer = answer;
    found->second->answered = true;
}

void IdempotencyCache::forget(std::string_view key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return;
    const auto entry = found->second;
    by_key_.erase(found);
    entries_.erase(entry);
}

void IdempotencyCache::drop_oldest() {
    by_key_.erase(entries_.front().key);
    entries_.pop_front();
}

}  // namespace starling::webhook
