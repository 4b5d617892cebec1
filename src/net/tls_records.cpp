#include "net/tls_records.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include "base/assert.h"
#include "base/digest.h"

namespace starling::net {

namespace {

constexpr size_t header_bytes = 5, tag_bytes = 16;
constexpr std::byte key_update{24};

void must(int done) {
    if (done != 1) throw std::bad_alloc();  // OpenSSL fails here only without memory.
}

}  // namespace

// RFC 8446 appendix B.4.
struct TlsRecords::Suite {
    uint16_t id;
    const char* cipher;
    const EVP_MD* (*hash)();
    size_t key_bytes, hash_bytes;

    [[nodiscard]] const EVP_CIPHER* fetched() const;  // Null: not known.
    // HKDF-Expand-Label (section 7.1) with an empty context. The result is no longer than the hash, so
    // HKDF-Expand (RFC 5869 section 2.3) is one HMAC.
    void expand(std::span<const unsigned char> secret, std::string_view label,
                std::span<unsigned char> result) const {
        std::array<unsigned char, 32> info{0, static_cast<unsigned char>(result.size())};
        size_t size = 2;
        const auto add = [&](std::string_view text) {
            std::memcpy(info.data() + size, text.data(), text.size());
            size += text.size();
        };
        info[size++] = static_cast<unsigned char>(6 + label.size());
        add("tls13 ");
        add(label);
        info[size++] = 0;  // The context.
        info[size++] = 1;  // The first block.
        std::array<unsigned char, EVP_MAX_MD_SIZE> block;
        mac(secret, std::span(info).first(size), block);
        std::copy_n(block.begin(), result.size(), result.begin());
        OPENSSL_cleanse(block.data(), block.size());
    }

private:
    // SHA-256, which nearly all connections have, is not looked up by its name each time.
    void mac(std::span<const unsigned char> key, std::span<const unsigned char> text,
             std::span<unsigned char, EVP_MAX_MD_SIZE> out) const {
        const auto chars = [](std::span<const unsigned char> bytes) {
            return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        };
        if (hash_bytes == base::sha256_bytes) {
            auto made = base::hmac_sha256(chars(key), {chars(text)});
            std::ranges::copy(made, out.begin());
            OPENSSL_cleanse(made.data(), made.size());
        } else if (!HMAC(hash(), key.data(), static_cast<int>(key.size()), text.data(), text.size(),
                         out.data(), nullptr)) {
            throw std::bad_alloc();
        }
    }
};

constexpr TlsRecords::Suite TlsRecords::suites[] = {
    {0x1301, "AES-128-GCM", &EVP_sha256, 16, 32},
    {0x1302, "AES-256-GCM", &EVP_sha384, 32, 48},
    {0x1303, "ChaCha20-Poly1305", &EVP_sha256, 32, 32},
};

// Fetched once and never freed: sessions may live as long as the program. Null is not kept, because
// OpenSSL also returns null without memory; the next call tries again.
const EVP_CIPHER* TlsRecords::Suite::fetched() const {
    static constinit std::array<std::atomic<const EVP_CIPHER*>, std::size(suites)> all{};
    auto& kept = all[static_cast<size_t>(this - suites)];
    const EVP_CIPHER* known = kept.load(std::memory_order_acquire);
    if (known) return known;
    EVP_CIPHER* const made = EVP_CIPHER_fetch(nullptr, cipher, nullptr);
    if (!made || kept.compare_exchange_strong(known, made, std::memory_order_acq_rel)) return made;
    EVP_CIPHER_free(made);  // Another thread was faster.
    return known;
}

void TlsRecords::FreeCipher::operator()(evp_cipher_ctx_st* cipher) const noexcept {
    EVP_CIPHER_CTX_free(cipher);
}

std::unique_ptr<TlsRecords> TlsRecords::make(const Start& start) {
    const auto* const suite = std::ranges::find(suites, start.suite, &Suite::id);
    if (suite == std::end(suites) || !suite->fetched()) return nullptr;
    if (start.read_secret.size() != suite->hash_bytes ||
        start.write_secret.size() != suite->hash_bytes)
        return nullptr;
    std::unique_ptr<TlsRecords> records(new TlsRecords);
    records->suite_ = suite;
    const auto bytes = [](std::span<const std::byte> secret) {
        return std::span(reinterpret_cast<const unsigned char*>(secret.data()), secret.size());
    };
    records->use_secret(records->read_, bytes(start.read_secret));
    records->use_secret(records->write_, bytes(start.write_secret));
    records->write_.sequence = start.written;
    STARLING_ASSERT(start.plaintext_bytes_max > 0 &&
                    start.plaintext_bytes_max <= plaintext_bytes_max);
    records->write_bytes_max_ = static_cast<uint16_t>(start.plaintext_bytes_max);
    return records;
}

TlsRecords::~TlsRecords() {
    for (Direction* const direction : {&read_, &write_}) {
        OPENSSL_cleanse(direction->secret.data(), direction->secret.size());
        OPENSSL_cleanse(direction->iv.data(), direction->iv.size());
    }
}

void TlsRecords::rest() noexcept {
    read_.cipher.reset();
    write_.cipher.reset();
}

// ---- keys ---------------------------------------------------------------------------------------

void TlsRecords::use_secret(Direction& direction, std::span<const unsigned char> secret) {
    std::ranges::copy(secret, direction.secret.begin());
    suite_->expand(secret, "iv", direction.iv);
    direction.sequence = 0;
    direction.cipher.reset();
}

// Section 7.2.
void TlsRecords::next_secret(Direction& direction) {
    std::array<unsigned char, 48> next;
    const auto secret = std::span(next).first(suite_->hash_bytes);
    suite_->expand(std::span(direction.secret).first(secret.size()), "traffic upd", secret);
    use_secret(direction, secret);
    OPENSSL_cleanse(next.data(), next.size());
}

EVP_CIPHER_CTX& TlsRecords::cipher(Direction& direction, bool encrypts) {
    if (direction.cipher) [[likely]]
        return *direction.cipher;
    std::array<unsigned char, 32> key;
    const auto used = std::span(key).first(suite_->key_bytes);
    suite_->expand(std::span(direction.secret).first(suite_->hash_bytes), "key", used);
    std::unique_ptr<EVP_CIPHER_CTX, FreeCipher> made(EVP_CIPHER_CTX_new());
    const int set = made ? EVP_CipherInit_ex2(made.get(), suite_->fetched(), key.data(), nullptr,
                                              encrypts ? 1 : 0, nullptr)
                         : 0;
    OPENSSL_cleanse(key.data(), key.size());
    must(set);
    direction.cipher = std::move(made);
    return *direction.cipher;
}

// Section 5.3: the nonce is the sequence number, over the end of the IV. The header is authenticated.
EVP_CIPHER_CTX& TlsRecords::begin(Direction& direction, bool encrypts,
                                  std::span<const unsigned char> header) {
    EVP_CIPHER_CTX& ready = cipher(direction, encrypts);
    auto nonce = direction.iv;
    for (size_t i = 0; i < 8; ++i)
        nonce[nonce.size() - 1 - i] ^= static_cast<unsigned char>(direction.sequence >> (8 * i));
    ++direction.sequence;
    int size = 0;
    must(EVP_CipherInit_ex2(&ready, nullptr, nullptr, nonce.data(), -1, nullptr));
    must(EVP_CipherUpdate(&ready, nullptr, &size, header.data(), static_cast<int>(header.size())));
    return ready;
}

// ---- writing ------------------------------------------------------------------------------------

void TlsRecords::seal(Type type, std::span<const std::byte> content, std::string& output) {
    STARLING_ASSERT(content.size() <= plaintext_bytes_max);
    const size_t before = output.size(), size = content.size() + 1 + tag_bytes;
    output.resize(before + header_bytes + size);
    auto* const header = reinterpret_cast<unsigned char*>(output.data() + before);
    header[0] = static_cast<unsigned char>(Type::application_data);
    header[1] = header[2] = 3;
    header[3] = static_cast<unsigned char>(size >> 8);
    header[4] = static_cast<unsigned char>(size);
    EVP_CIPHER_CTX& ready = begin(write_, true, {header, header_bytes});
    unsigned char* at = header + header_bytes;
    int done = 0;
    if (!content.empty()) {
        must(EVP_EncryptUpdate(&ready, at, &done,
                               reinterpret_cast<const unsigned char*>(content.data()),
                               static_cast<int>(content.size())));
        at += done;
    }
    const auto inner_type = static_cast<unsigned char>(type);
    must(EVP_EncryptUpdate(&ready, at, &done, &inner_type, 1));
    at += done;
    must(EVP_EncryptFinal_ex(&ready, at, &done));
    must(EVP_CIPHER_CTX_ctrl(&ready, EVP_CTRL_AEAD_GET_TAG, tag_bytes, at + done));
}

void TlsRecords::update_write_key(std::string& output) {
    static constexpr std::array message{key_update, std::byte{0}, std::byte{0}, std::byte{1},
                                        std::byte{0}};  // update_not_requested
    seal(Type::handshake, message, output);
    next_secret(write_);
    answer_due_ = false;
}

bool TlsRecords::write(std::span<const std::byte> plaintext, std::string& output) {
    if (closed_) return false;
    while (!plaintext.empty()) {
        if (answer_due_ || write_.sequence >= records_per_key_max) update_write_key(output);
        const size_t size = std::min<size_t>(plaintext.size(), write_bytes_max_);
        seal(Type::application_data, plaintext.first(size), output);
        plaintext = plaintext.subspan(size);
    }
    return true;
}

void TlsRecords::close(std::string& output) {
    if (std::exchange(closed_, true)) return;
    constexpr std::byte warning{1};
    seal(Type::alert, std::array{warning, std::byte(Alert::close_notify)}, output);
}

void TlsRecords::fail(Alert alert, std::string& output) {
    status_ = Status::failed;
    if (std::exchange(closed_, true)) return;
    constexpr std::byte fatal{2};
    seal(Type::alert, std::array{fatal, std::byte(alert)}, output);
}

// ---- reading ------------------------------------------------------------------------------------

size_t TlsRecords::read(std::span<const std::byte>& input, std::span<std::byte> plaintext,
                        std::string& output, Status& status, uint32_t& key_updates,
                        uint32_t key_updates_max) {
    STARLING_ASSERT(!plaintext.empty());
    size_t size = give_waiting(plaintext);
    while (size == 0 && status_ == Status::ok) {
        const auto record = whole_record(input, output);
        if (record.empty()) break;
        const size_t inner_bytes = record.size() - header_bytes - tag_bytes;
        std::string apart;  // Has the plaintext if it does not fit.
        auto* inner = plaintext.data();
        if (inner_bytes > plaintext.size()) {
            apart.resize(inner_bytes);
            inner = reinterpret_cast<std::byte*>(apart.data());
        }
        const bool valid = decrypt(record, inner);
        if (waiting_) waiting_.reset();  // Has had the record.
        if (!valid) {
            fail(Alert::bad_record_mac, output);
            break;
        }
        size = take({inner, inner_bytes}, output, key_updates);
        if (key_updates > key_updates_max) status_ = Status::failed, closed_ = true;
        if (size == 0 || apart.empty()) continue;
        apart.resize(size);
        waiting_ = std::make_unique<Waiting>();
        waiting_->plaintext = std::move(apart);
        size = give_waiting(plaintext);
    }
    status = size == 0 ? status_ : Status::ok;
    return size;
}

size_t TlsRecords::give_waiting(std::span<std::byte> plaintext) {
    if (!waiting_ || waiting_->plaintext.empty()) return 0;
    const std::string& text = waiting_->plaintext;
    const size_t size = std::min(plaintext.size(), text.size() - waiting_->from);
    std::memcpy(plaintext.data(), text.data() + waiting_->from, size);
    waiting_->from += size;
    if (waiting_->from == text.size()) waiting_.reset();
    return size;
}

// The header alone tells what is wrong with a length or a type. The version is ignored, as section 5.1
// says.
std::span<const std::byte> TlsRecords::whole_record(std::span<const std::byte>& input,
                                                    std::string& output) {
    const bool apart = waiting_ != nullptr;
    const auto move_to_waiting = [&](size_t bytes) {
        if (!waiting_) waiting_ = std::make_unique<Waiting>();
        const size_t size = std::min(bytes, input.size());
        waiting_->record.append(reinterpret_cast<const char*>(input.data()), size);
        input = input.subspan(size);
    };
    if (apart && waiting_->record.size() < header_bytes)
        move_to_waiting(header_bytes - waiting_->record.size());
    const auto seen = apart ? std::as_bytes(std::span(waiting_->record)) : input;
    if (seen.size() < header_bytes) {
        if (!input.empty()) move_to_waiting(input.size());
        return {};
    }
    const size_t size = std::to_integer<size_t>(seen[3]) << 8 | std::to_integer<size_t>(seen[4]);
    // After the handshake all records are encrypted, so they look like application data.
    if (seen[0] != std::byte(Type::application_data))
        return fail(Alert::unexpected_message, output), std::span<const std::byte>();
    if (size > inner_bytes_max + tag_bytes)
        return fail(Alert::record_overflow, output), std::span<const std::byte>();
    if (size <= tag_bytes) return fail(Alert::bad_record_mac, output), std::span<const std::byte>();
    const size_t whole = header_bytes + size;
    if (!apart && input.size() >= whole) {
        const auto record = input.first(whole);
        input = input.subspan(whole);
        return record;
    }
    move_to_waiting(whole - (apart ? waiting_->record.size() : 0));
    if (waiting_->record.size() < whole) return {};
    return std::as_bytes(std::span(waiting_->record));
}

bool TlsRecords::decrypt(std::span<const std::byte> record, std::byte* inner) {
    const auto* const bytes = reinterpret_cast<const unsigned char*>(record.data());
    const size_t inner_bytes = record.size() - header_bytes - tag_bytes;
    EVP_CIPHER_CTX& ready = begin(read_, false, {bytes, header_bytes});
    auto* const out = reinterpret_cast<unsigned char*>(inner);
    int done = 0;
    must(
        EVP_DecryptUpdate(&ready, out, &done, bytes + header_bytes, static_cast<int>(inner_bytes)));
    // OpenSSL takes a pointer that is not const, and only reads.
    auto* const tag = const_cast<unsigned char*>(bytes + header_bytes + inner_bytes);
    must(EVP_CIPHER_CTX_ctrl(&ready, EVP_CTRL_AEAD_SET_TAG, tag_bytes, tag));
    return EVP_DecryptFinal_ex(&ready, out + done, &done) == 1;
}

// Section 5.4: the type is the last byte that is not zero.
size_t TlsRecords::take(std::span<const std::byte> inner, std::string& output,
                        uint32_t& key_updates) {
    while (!inner.empty() && inner.back() == std::byte{0}) inner = inner.first(inner.size() - 1);
    if (inner.empty()) return fail(Alert::unexpected_message, output), 0;
    const auto type = static_cast<Type>(inner.back());
    const auto content = inner.first(inner.size() - 1);
    // Section 5.1: nothing comes between the parts of a handshake message.
    if (message_bytes_ != 0 && type != Type::handshake)
        return fail(Alert::unexpected_message, output), 0;
    switch (type) {
        case Type::application_data:
            if (content.empty() && ++empty_records_ > empty_records_max)
                fail(Alert::unexpected_message, output);
            if (!content.empty()) empty_records_ = 0;
            return content.size();
        case Type::alert: take_alert(content, output); break;
        case Type::handshake: take_handshake(content, output, key_updates); break;
        default: fail(Alert::unexpected_message, output); break;
    }
    return 0;
}

// Section 6: the level does not count; every alert but these two is the peer's failure.
void TlsRecords::take_alert(std::span<const std::byte> content, std::string& output) {
    if (content.size() != 2) return fail(Alert::decode_error, output);
    const auto alert = static_cast<Alert>(content[1]);
    if (alert == Alert::close_notify) {
        status_ = Status::ended;
    } else if (alert != Alert::user_canceled) {
        status_ = Status::failed;
        closed_ = true;
    } else if (++empty_records_ > empty_records_max) {
        fail(Alert::unexpected_message, output);
    }
}

// A client sends no message but KeyUpdate after its handshake, and a KeyUpdate ends its record, because
// the next one has another key (section 5.1).
void TlsRecords::take_handshake(std::span<const std::byte> content, std::string& output,
                                uint32_t& key_updates) {
    if (content.empty()) return fail(Alert::unexpected_message, output);
    for (const std::byte byte : content) {
        if (message_bytes_ == message_.size()) return fail(Alert::unexpected_message, output);
        message_[message_bytes_++] = byte;
        if (message_[0] != key_update) return fail(Alert::unexpected_message, output);
    }
    if (message_bytes_ >= 4 &&
        (message_[1] != std::byte{0} || message_[2] != std::byte{0} || message_[3] != std::byte{1}))
        return fail(Alert::decode_error, output);
    if (message_bytes_ < message_.size()) return;
    message_bytes_ = 0;
    if (message_[4] > std::byte{1}) return fail(Alert::illegal_parameter, output);
    if (message_[4] == std::byte{1}) answer_due_ = true;
    ++key_updates;
    next_secret(read_);
}

}  // namespace starling::net
