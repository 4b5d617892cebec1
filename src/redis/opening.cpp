#include "redis/opening.h"

#include <utility>
#include <vector>

#include "redis/command.h"
#include "redis/errors.h"

namespace starling::redis {

Opening::Opening(OpeningOptions options)
    : options_(std::move(options)), protocol_(options_.protocol == 2 ? 2 : 3) {}

bool Opening::is_due(Stage stage) const noexcept {
    switch (stage) {
        case Stage::hello: return protocol_ == 3;
        case Stage::auth: return protocol_ == 2 && !options_.password.empty();
        case Stage::select: return options_.database != 0;
        case Stage::name: return !options_.client_name.empty();
        case Stage::role: return options_.must_be_master;
        case Stage::ping:
        case Stage::ready: break;
    }
    return true;
}

void Opening::write() {
    std::vector<std::string_view> words;
    const std::string_view user =
        options_.user.empty() ? std::string_view("default") : options_.user;
    const std::string database = std::to_string(options_.database);
    switch (stage_) {
        case Stage::hello:
            words = {"HELLO", "3"};
            if (!options_.password.empty())
                words.insert(words.end(), {"AUTH", user, options_.password});
            break;
        case Stage::auth:
            // A server older than 6 has no users.
            if (options_.user.empty())
                words = {"AUTH", options_.password};
            else
                words = {"AUTH", user, options_.password};
            break;
        case Stage::select: words = {"SELECT", database}; break;
        case Stage::name: words = {"CLIENT", "SETNAME", options_.client_name}; break;
        case Stage::role: words = {"ROLE"}; break;
        case Stage::ping:
        case Stage::ready: words = {"PING"}; break;
    }
    command_.clear();
    append_command(command_, words);
}

Opening::Step Opening::start() {
    while (!is_due(stage_)) stage_ = static_cast<Stage>(static_cast<uint8_t>(stage_) + 1);
    if (stage_ == Stage::ready) return Step::ready;
    write();
    return Step::send;
}

Opening::Step Opening::advance() {
    stage_ = static_cast<Stage>(static_cast<uint8_t>(stage_) + 1);
    return start();
}

Opening::Step Opening::on_waited() {
    error_.clear();
    return start();
}

Opening::Step Opening::fail(std::string text, bool final) {
    error_ = std::move(text);
    final_ = final;
    return Step::failed;
}

Opening::Step Opening::on_reply(const Value& reply) {
    if (reply.is_error()) return on_error(reply.text());
    if (stage_ == Stage::role &&
        (!reply.is_array() || reply.size() == 0 || reply[0].text() != "master"))
        return fail("the server is no master", false);
    return advance();
}

Opening::Step Opening::on_error(std::string_view text) {
    const ErrorKind kind = error_kind(text);
    const std::string words(in_words(text));
    const std::string told =
        words.empty() ? std::string(text) : words + " (" + std::string(text) + ")";
    if (kind == ErrorKind::credentials) return fail(told, true);
    if (reaction(kind) == Reaction::wait) {
        error_ = told;
        return Step::wait;
    }
    switch (stage_) {
        case Stage::hello:
            if (kind != ErrorKind::unknown_command) break;
            if (options_.protocol == 3) return fail(told, true);
            protocol_ = 2;
            return advance();
        case Stage::name: return advance();  // Only for people who read CLIENT LIST.
        case Stage::role:
        case Stage::ping:
            // The server answers; the list allows this user other commands.
            if (kind == ErrorKind::no_permission) return advance();
            break;
        case Stage::auth:
        case Stage::select: return fail(told, true);
        case Stage::ready: break;
    }
    return fail(told, false);
}

}  // namespace starling::redis
