// What server and tests share: a text that every wrong encoding or escape on the way would change.
// Two to four bytes in UTF-8, a surrogate pair, line separators (JSONP escapes them), "\n" as two
// characters (JSONP doubles its backslash) and as one, quotes.
export const greeting = 'Grüße, 世界, \u{1f426} \u2028 \u2029 \\n \\ "quoted" \n';
