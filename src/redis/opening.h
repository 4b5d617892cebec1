// redis/opening.h: the first exchanges on a connection: protocol and credentials (HELLO 3, else AUTH and
// RESP2), database, name, and the check that the server is ready and of the right role.
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
        send,    // command() is to be sent; its reply is the next call.
        wait,    // The server is not ready: on_waited() after a pause. error() says why.
        ready,   // protocol() is decided.
        failed,  // error() says why; is_final() whether another try can help.
    };

    explicit Opening(OpeningOptions options);

    [[nodiscard]] Step start();
    [[nodiscard]] Step on_reply(const Value& reply);
    [[nodiscard]] Step on_waited();

    [[nodiscard]] const std::string& command() const noexcept { return command_; }
    [[nodiscard]] uint8_t protocol() const noexcept { return protocol_; }
    [[nodiscard]] const std::string& error() const noexcept { return error_; }
    // Credentials, database or permission: the configuration is wrong, not the moment.
    [[nodiscard]] bool is_final() const noexcept { return final_; }

private:
    enum class Stage : uint8_t { hello, auth, select, name, role, ping, ready };

    [[nodiscard]] bool is_due(Stage stage) const noexcept;
    void write();
    [[nodiscard]] Step advance();
    [[nodiscard]] Step on_error(std::string_view text);
    [[nodiscard]] Step fail(std::string text, bool final);

    const OpeningOptions options_;
    Stage stage_ = Stage::hello;
    uint8_t protocol_;
    bool final_ = false;
    std::string command_, error_;
};

}  // namespace starling::redis
