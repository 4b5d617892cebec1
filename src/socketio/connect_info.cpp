#include "socketio/connect_info.h"

#include <cstring>
#include <new>

#include "base/mapped_page.h"
#include "socketio/packed_head.h"

namespace starling::socketio {

struct ConnectInfo::Block {
    int64_t issued_ms;
    uint32_t head_bytes;  // Packed. The parser bounds the head of a request.
    uint8_t address_bytes, user_bytes;
    bool secure : 1, xdomain : 1, from_trusted_proxy : 1, has_login : 1, in_slab : 1;

    [[nodiscard]] char* texts() noexcept { return reinterpret_cast<char*>(this + 1); }
    [[nodiscard]] char* user() noexcept { return texts() + address_bytes; }
    [[nodiscard]] char* head() noexcept { return user() + user_bytes; }
    [[nodiscard]] char* login() noexcept { return head() + head_bytes; }
};

void ConnectInfo::Free::operator()(Block* block) const noexcept {
    block->in_slab ? base::Slab::give_back(block) : ::operator delete(block);
}

ConnectInfo::ConnectInfo(std::string_view address, std::string_view user, std::string_view head,
                         const Facts& facts, const Login& login, base::Slabs* slabs) {
    static_assert(sizeof(Block) == 16, "part of what an idle Socket.IO client costs");
    const std::string packed = pack_head(head);
    const bool has_login = login.expires_s != never_s || login.failure;
    Block block{.issued_ms = facts.issued_ms,
                .head_bytes = static_cast<uint32_t>(packed.size()),
                .address_bytes = static_cast<uint8_t>(address.size()),
                .user_bytes = static_cast<uint8_t>(user.size()),
                .secure = facts.secure,
                .xdomain = facts.xdomain,
                .from_trusted_proxy = facts.from_trusted_proxy,
                .has_login = has_login,
                .in_slab = false};
    const size_t bytes = sizeof(Block) + block.address_bytes + block.user_bytes + packed.size() +
                         (has_login ? sizeof login : 0);
    block.in_slab = slabs && !base::has_address_sanitizer && bytes <= base::Slabs::block_bytes_max;
    void* const memory = block.in_slab ? slabs->take(bytes) : ::operator new(bytes);
    block_.reset(new (memory) Block(block));
    address.copy(block_->texts(), block.address_bytes);
    user.copy(block_->user(), block.user_bytes);
    packed.copy(block_->head(), packed.size());
    if (has_login) std::memcpy(block_->login(), &login, sizeof login);
}

std::string_view ConnectInfo::address() const noexcept {
    return block_ ? std::string_view(block_->texts(), block_->address_bytes) : std::string_view();
}

std::string_view ConnectInfo::user() const noexcept {
    return block_ ? std::string_view(block_->user(), block_->user_bytes) : std::string_view();
}

std::string ConnectInfo::head() const {
    return block_ ? unpack_head({block_->head(), block_->head_bytes}) : std::string();
}

ConnectInfo::Facts ConnectInfo::facts() const noexcept {
    if (!block_) return {};
    return {.issued_ms = block_->issued_ms,
            .secure = block_->secure,
            .xdomain = block_->xdomain,
            .from_trusted_proxy = block_->from_trusted_proxy};
}

ConnectInfo::Login ConnectInfo::login() const noexcept {
    Login login;
    if (block_ && block_->has_login) std::memcpy(&login, block_->login(), sizeof login);
    return login;
}

}  // namespace starling::socketio
