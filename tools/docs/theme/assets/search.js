// How a query is read: at what parts the words of the index (SEPARATOR of build.py), and without the signs of
// the search's own language. Each Chinese character is a word of its own, as it is in the index, and must be there.
var __search = {
  transform: (query) => query
    .replace(/[\s\-\u200b\u3001-\u3011\uff00-\uff1f,:;!?=()[\]{}<>"'`/|&*+#$^~]+/g, " ")
    .replace(/[\u3400-\u9fff]/g, " +$& ")
    .trim(),
};
