// redis/opening.h: the first exchange on a connection: protocol and credentials (HELLO 3, else AUTH and
// RESP2), database, name, and the check that the server is ready and of the right role. All commands
// leave at once, so that opening a connection takes one round trip; another one if the server knows no
// RESP3, and one after each pause of a server that is not ready.
//
// Pure: replies in, commands out. Owner: a Session. Thread: the owner's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "redis/value.h"

namespace starling::redis {

struct OpeningOptions {
    std::string user = {}, password = {};  // A password alone is that of the user "default".
    uint32_t database = 0;
    std::string client_name = {};
    uint8_t protocol = 0;         // 2 or 3; 0: 3 if the server knows it.
    bool must_be_master = false;  // A replica is a failure.
};

class Opening {
public:
    enum class Step : uint8_t {
        send,    // commands() are to be sent; each reply is a call of on_reply().
        more,    // Another reply is to come.
        wait,    // The server is not ready: on_waited() after a pause. error() says why.
        ready,   // protocol() is decided.
        failed,  // error() says why; is_final() whether another try can help.
    };

    explicit Opening(OpeningOptions options);

    [[nodiscard]] Step start();
    [[nodiscard]] Step on_reply(const Value& reply);
    [[nodiscard]] Step on_waited();

    [[nodiscard]] const std::string& commands() const noexcept { return commands_; }
    [[nodiscard]] uint8_t protocol() const noexcept { return protocol_; }
    [[nodiscard]] const std::string& error() const noexcept { return error_; }
    // Credentials, database or permission: the configuration is wrong, not the moment.
    [[nodiscard]] bool is_final() const noexcept { return final_; }

private:
    enum class Stage : uint8_t { hello, auth, select, name, role, ping, ready };

    // What follows when all commands of the round have their replies.
    enum class Next : uint8_t { ready, resp2, wait };

    [[nodiscard]] bool is_due(Stage stage) const noexcept;
    [[nodiscard]] Stage due_from(Stage stage) const noexcept;
    void write(Stage stage);
    [[nodiscard]] Step begin_round();
    [[nodiscard]] Step advance();
    [[nodiscard]] Step stop_round(Next next, Stage from);
    [[nodiscard]] Step on_error(std::string_view text);
    [[nodiscard]] Step fail(std::string text, bool final);

    const OpeningOptions options_;
    Stage stage_ = Stage::hello;  // Of the next reply.
    Stage from_ = Stage::hello;   // The first one of the round.
    Next next_ = Next::ready;
    uint8_t protocol_;
    bool final_ = false;
    std::string commands_, error_;
};

}  // namespace starling::redis
