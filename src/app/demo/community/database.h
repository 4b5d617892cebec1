// app/demo/community/database.h: one SQLite file behind two small classes. Only database.cpp
// includes sqlite3.h. Callers write SQL with parameters (?), and never paste values into it.
//
// Owner: Store. Thread: one at a time, under the Store's mutex. No function throws: a failed step
//        is remembered until the statement ends, and failed() reports it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace starling::app::community {

// Longest wait for another process that writes. Short, since a worker's thread waits.
inline constexpr int busy_timeout_ms = 50;
// Pages of 4 KiB, so 64 MiB; then writes fail.
inline constexpr int64_t database_pages_max = 16 * 1024;

class Statement {
public:
    Statement(sqlite3* connection, std::string_view sql) noexcept;
    ~Statement();
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    // Binds the next parameter. The bytes must outlive the statement.
    Statement& bind(int64_t value) noexcept;
    Statement& bind(std::string_view text) noexcept;

    [[nodiscard]] bool row() noexcept;  // Steps; true: there is a row.
    [[nodiscard]] bool run() noexcept;  // Steps to the end; true: no step failed.
    [[nodiscard]] bool failed() const noexcept { return failed_; }

    // Columns of the current row count from 0.
    [[nodiscard]] bool is_null(int column) const noexcept;
    [[nodiscard]] int64_t integer(int column) const noexcept;
    [[nodiscard]] std::string text(int column) const;

private:
    sqlite3_stmt* statement_ = nullptr;
    int next_ = 1;
    bool failed_ = false;
};

class Database {
public:
    Database() = default;
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    // Opens the file, or creates it with mode 0600; ":memory:" keeps everything in memory. Changes
    // nothing in an existing file.
    [[nodiscard]] base::Result<void> open(const std::string& path);
    // Applies the settings for writing. Call once the file is known to be one of this program's.
    [[nodiscard]] bool settle() noexcept;

    [[nodiscard]] Statement prepare(std::string_view sql) noexcept { return {connection_, sql}; }
    [[nodiscard]] bool run(std::string_view sql) noexcept { return prepare(sql).run(); }
    [[nodiscard]] bool script(const char* sql) noexcept;  // Several statements, no parameters.
    [[nodiscard]] int64_t last_id() const noexcept;
    [[nodiscard]] int changes() const noexcept;  // Rows that the last statement changed.
    [[nodiscard]] std::string error() const;     // Error text of the last call.

private:
    sqlite3* connection_ = nullptr;
};

// Rolls back on destruction, unless commit() succeeded.
class Transaction {
public:
    // Takes the write lock at once, so that two processes cannot deadlock on upgrading a read lock.
    explicit Transaction(Database& database) noexcept
        : database_(database), open_(database.run("BEGIN IMMEDIATE")) {}
    ~Transaction() {
        if (open_) static_cast<void>(database_.run("ROLLBACK"));
    }
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    [[nodiscard]] bool began() const noexcept { return open_; }
    [[nodiscard]] bool commit() noexcept {
        if (!open_ || !database_.run("COMMIT")) return false;  // The destructor rolls back.
        open_ = false;
        return true;
    }

private:
    Database& database_;
    bool open_;
};

}  // namespace starling::app::community
