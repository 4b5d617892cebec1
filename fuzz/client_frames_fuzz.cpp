// Fuzzes what a server sends on an open WebSocket, with the client's receiver and the table of its
// life. The first byte chooses compression and what the application does; the rest is frames. Reads
// of 1, 5 and all bytes must agree, and the application gets one close event, last.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/text.h"
#include "ws/client_life.h"
#include "ws/deflate.h"
#include "ws/receiver.h"

namespace {

using namespace starling::ws;

void require(bool condition) {
    if (!condition) std::abort();
}

class Player {
public:
    explicit Player(uint8_t choice) : choice_(choice) {
        if (choice & 1)
            inflater_ = std::make_unique<Inflater>(choice & 2 ? Inflater::Context::takeover
                                                              : Inflater::Context::shared);
        receiver_ = std::make_unique<Receiver>(Role::client, limits_, inflater_.get());
        note(life_.on(ClientLife::Event::established));
    }

    std::string play(std::span<const uint8_t> wire, size_t step) {
        std::vector<std::byte> kept;
        for (size_t at = 0; at < wire.size(); at += step) {
            const auto read = std::as_bytes(wire.subspan(at, std::min(step, wire.size() - at)));
            kept.insert(kept.end(), read.begin(), read.end());
            std::span<std::byte> input(kept);
            while (take(receiver_->next(input))) {}
            kept.erase(kept.begin(), kept.end() - static_cast<ptrdiff_t>(input.size()));
            require(kept.size() <= 139);
        }
        note(life_.on(choice_ & 4 ? ClientLife::Event::lost : ClientLife::Event::ended));
        require(closes_ == 1 && life_.state() == ClientLife::State::closed);
        return text_;
    }

private:
    bool take(const Event& event) {
        switch (event.kind) {
            case Event::Kind::need_more: return false;
            case Event::Kind::violation:
                note(life_.on(ClientLife::Event::failure, event.code));
                return false;
            case Event::Kind::close:
                note(life_.on(ClientLife::Event::peer_close, event.code));
                return true;
            case Event::Kind::message:
                require(event.bytes.size() <= limits_.message_bytes_max);
                text_ += "m" + std::to_string(event.bytes.size());
                if (choice_ & 8) note(life_.on(ClientLife::Event::local_close, 3000));
                return true;
            default: text_ += "c" + std::to_string(event.bytes.size()); return true;
        }
    }
    void note(const ClientLife::Actions& actions) {
        const auto& wire = actions.wire;
        closes_sent_ += wire.send_close || wire.echo_close;
        require(closes_sent_ <= 1);
        require(!actions.tell_error || actions.tell_close);
        require(!actions.tell_close || closes_++ == 0);
        if (actions.tell_error) text_ += "E";
        if (actions.tell_close)
            text_ += "C" + std::to_string(life_.code()) + (life_.was_clean() ? "y" : "n");
        if (life_.was_clean()) require(life_.code() != close_code::abnormal);
    }

    const uint8_t choice_;
    const ReceiverLimits limits_{.message_bytes_max = 4096, .fragments_max = 16};
    std::unique_ptr<Inflater> inflater_;
    std::unique_ptr<Receiver> receiver_;
    ClientLife life_;
    std::string text_;
    int closes_ = 0, closes_sent_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const std::span<const uint8_t> wire(data + 1, size - 1);
    const std::string whole = Player(data[0]).play(wire, std::max<size_t>(wire.size(), 1));
    require(Player(data[0]).play(wire, 1) == whole);
    require(Player(data[0]).play(wire, 5) == whole);
    return 0;
}
