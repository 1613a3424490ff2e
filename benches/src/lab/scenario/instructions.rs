//! User-mode instructions of one request, counted by callgrind.
