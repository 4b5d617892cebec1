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

Opening::Stage Opening::due_from(Stage stage) const noexcept {
    while (!is_due(stage)) stage = static_cast<Stage>(static_cast<uint8_t>(stage) + 1);
    return stage;
}

void Opening::write(Stage stage) {
    std::vector<std::string_view> words;
    const std::string_view user =
        options_.user.empty() ? std::string_view("default") : options_.user;
    const std::string database = std::to_string(options_.database);
    switch (stage) {
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
    append_command(commands_, words);
}

// All commands from `from_` on. The server answers them in their order, whatever it says to each.
Opening::Step Opening::begin_round() {
    next_ = Next::ready;
    stage_ = from_ = due_from(from_);
    commands_.clear();
    for (Stage stage = stage_; stage != Stage::ready;
         stage = due_from(static_cast<Stage>(static_cast<uint8_t>(stage) + 1)))
        write(stage);
    return Step::send;
}

Opening::Step Opening::start() { return begin_round(); }

Opening::Step Opening::on_waited() {
    error_.clear();
    return begin_round();
}

Opening::Step Opening::advance() {
    stage_ = due_from(static_cast<Stage>(static_cast<uint8_t>(stage_) + 1));
    if (stage_ != Stage::ready) return Step::more;
    switch (next_) {
        case Next::ready: return Step::ready;
        case Next::resp2: protocol_ = 2; return begin_round();
        case Next::wait: break;
    }
    return Step::wait;
}

// The replies that are still to come in this round have no meaning; the next one begins at `from`.
Opening::Step Opening::stop_round(Next next, Stage from) {
    next_ = next;
    from_ = from;
    return advance();
}

Opening::Step Opening::fail(std::string text, bool final) {
    error_ = std::move(text);
    final_ = final;
    return Step::failed;
}

Opening::Step Opening::on_reply(const Value& reply) {
    if (next_ != Next::ready) return advance();
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
        return stop_round(Next::wait, stage_);
    }
    switch (stage_) {
        case Stage::hello:
            if (kind != ErrorKind::unknown_command) break;
            if (options_.protocol == 3) return fail(told, true);
            return stop_round(Next::resp2, Stage::auth);
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
