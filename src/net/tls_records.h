// net/tls_records.h: the records of a TLS 1.3 connection after its handshake (RFC 8446 section 5), with
// alerts (section 6) and KeyUpdate (section 4.6.3). Bytes in, bytes out: no socket, no loop.
//
// OpenSSL makes the handshake and all cryptography. Its SSL object keeps 13 KB for each connection
// afterwards; the records need two secrets, two sequence numbers and, while bytes flow, a cipher for
// each direction. The kernel's TLS divides the work in the same place.
//
// Owner: the TlsSession. Thread: any, one at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

struct evp_cipher_ctx_st;

namespace starling::net {

class TlsRecords {
public:
    enum class Status : uint8_t { ok, ended, failed };
    static constexpr size_t plaintext_bytes_max = 16 * 1024;  // Section 5.1.
    // With the content type (section 5.4). Padding has room in what a shorter text leaves.
    static constexpr size_t inner_bytes_max = plaintext_bytes_max + 1;
    // In a row; more are a waste of time on purpose.
    static constexpr unsigned empty_records_max = 32;
    // Section 5.5: AES-GCM protects 2^24.5 full records with one key.
    static constexpr uint64_t records_per_key_max = uint64_t{1} << 24;

    struct Start {
        uint16_t suite = 0;  // As in the protocol: 0x1301 is TLS_AES_128_GCM_SHA256.
        // The application traffic secrets of the peer and of this side.
        std::span<const std::byte> read_secret, write_secret;
        uint64_t written = 0;  // Records that were already written with `write_secret`.
        // Of each record to write: what the peer asked for (RFC 6066 section 4).
        size_t plaintext_bytes_max = TlsRecords::plaintext_bytes_max;
    };
    // Null: the suite is not known here, or the secrets have another size than its hash.
    [[nodiscard]] static std::unique_ptr<TlsRecords> make(const Start& start);
    ~TlsRecords();
    TlsRecords(const TlsRecords&) = delete;
    TlsRecords& operator=(const TlsRecords&) = delete;

    // The functions below throw std::bad_alloc if there is no memory; the connection has failed then.
    //
    // Takes bytes from the front of `input` and returns what it wrote to `plaintext`; 0 with `ok`: all
    // input is taken. A failure appends its alert to `output`. Counts the peer's KeyUpdates in
    // `key_updates`, and fails without an alert beyond `key_updates_max`.
    [[nodiscard]] size_t read(std::span<const std::byte>& input, std::span<std::byte> plaintext,
                              std::string& output, Status& status, uint32_t& key_updates,
                              uint32_t key_updates_max);
    // Appends as many records as `plaintext` needs. False: close() was called.
    [[nodiscard]] bool write(std::span<const std::byte> plaintext, std::string& output);
    // Appends a close_notify, once.
    void close(std::string& output);
    // Frees the ciphers; the next record makes them anew.
    void rest() noexcept;

private:
    enum class Type : uint8_t { change_cipher_spec = 20, alert, handshake, application_data };
    enum class Alert : uint8_t {
        close_notify = 0,
        unexpected_message = 10,
        bad_record_mac = 20,
        record_overflow = 22,
        illegal_parameter = 47,
        decode_error = 50,
        user_canceled = 90,
    };
    struct Suite;
    struct FreeCipher {
        void operator()(evp_cipher_ctx_st* cipher) const noexcept;
    };
    struct Direction {
        std::array<unsigned char, 48> secret;
        std::array<unsigned char, 12> iv;
        uint64_t sequence = 0;
        std::unique_ptr<evp_cipher_ctx_st, FreeCipher> cipher;
    };
    // Rare, so it is apart: a record that has not arrived whole, and plaintext that did not fit.
    struct Waiting {
        std::string record, plaintext;
        size_t from = 0;  // What was returned of `plaintext`.
    };
    static const Suite suites[];

    TlsRecords() = default;
    void use_secret(Direction& direction, std::span<const unsigned char> secret);
    void next_secret(Direction& direction);
    [[nodiscard]] evp_cipher_ctx_st& cipher(Direction& direction, bool encrypts);
    [[nodiscard]] evp_cipher_ctx_st& begin(Direction& direction, bool encrypts,
                                           std::span<const unsigned char> header);

    // The next whole record of the input; empty: it has not arrived, or it has failed.
    [[nodiscard]] std::span<const std::byte> whole_record(std::span<const std::byte>& input,
                                                          std::string& output);
    [[nodiscard]] bool decrypt(std::span<const std::byte> record, std::byte* inner);
    // The size of the application data in `inner`; 0: there is none.
    [[nodiscard]] size_t take(std::span<const std::byte> inner, std::string& output,
                              uint32_t& key_updates);
    void take_alert(std::span<const std::byte> content, std::string& output);
    void take_handshake(std::span<const std::byte> content, std::string& output,
                        uint32_t& key_updates);
    [[nodiscard]] size_t give_waiting(std::span<std::byte> plaintext);
    void fail(Alert alert, std::string& output);
    void seal(Type type, std::span<const std::byte> content, std::string& output);
    void update_write_key(std::string& output);

    const Suite* suite_ = nullptr;
    Direction read_, write_;
    std::unique_ptr<Waiting> waiting_;
    std::array<std::byte, 5> message_{};  // A KeyUpdate that came in parts.
    uint8_t message_bytes_ = 0;
    uint16_t write_bytes_max_ = plaintext_bytes_max;  // Of plaintext in a record.
    uint8_t empty_records_ = 0;
    Status status_ = Status::ok;
    bool closed_ = false;
    bool answer_due_ = false;  // The peer wants a KeyUpdate before the next application data.
};

}  // namespace starling::net
