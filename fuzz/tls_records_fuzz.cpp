// Fuzzes the records of TLS 1.3 after the handshake, from a peer that has the keys. An input is a list: a
// byte, a length in the next one, and so many bytes. The byte says whether they are sealed as a record
// (its lowest bit), with how much padding (the others), or sent as they are. Reads of 1, 7 and all bytes
// must agree.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "net/tls_records.h"
#include "tests/fake/tls_record_keys.h"

namespace {

using namespace starling;

const std::string client_secret(32, 'c'), server_secret(32, 's');

void require(bool condition) {
    if (!condition) std::abort();
}

std::string wire_of(std::span<const uint8_t> input) {
    fake::TlsRecordKeys client("aes-128-gcm", "SHA256", client_secret);
    std::string wire;
    while (input.size() >= 2) {
        const uint8_t how = input[0];
        const auto bytes = input.subspan(2, std::min<size_t>(input[1], input.size() - 2));
        input = input.subspan(2 + bytes.size());
        std::string text(bytes.begin(), bytes.end());
        if (how % 2 == 0) {
            wire += text;
            continue;
        }
        const bool updates = text.size() == 6 && text.starts_with(std::string("\x18\0\0\1", 4));
        wire += client.seal(text.append(how / 2, '\0'));
        if (updates) client.update();
    }
    return wire;
}

std::string play(std::string_view wire, size_t step) {
    using Status = net::TlsRecords::Status;
    const auto records = net::TlsRecords::make(
        {0x1301, base::bytes_of(client_secret), base::bytes_of(server_secret), 0});
    std::string text, output;
    auto status = Status::ok;
    uint32_t key_updates = 0;
    std::vector<std::byte> plaintext(step == SIZE_MAX ? 20'000 : 3);
    for (size_t at = 0; at < wire.size() && status == Status::ok;) {
        const size_t size = std::min(step, wire.size() - at);
        auto input = base::bytes_of(wire.substr(at, size));
        at += size;
        while (const size_t got = records->read(input, plaintext, output, status, key_updates, 32))
            text += base::text_of(std::span(plaintext).first(got));
        require(status != Status::ok || input.empty());
        require(output.size() < 100);
    }
    const bool writes = records->write(base::bytes_of("x"), output);
    require(writes == (status != Status::failed));
    return text + "|" + output + "|" + std::to_string(int(status)) + std::to_string(key_updates);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string wire = wire_of({data, size});
    const std::string whole = play(wire, SIZE_MAX);
    require(play(wire, 1) == whole);
    require(play(wire, 7) == whole);
    return 0;
}
