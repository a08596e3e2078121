//! What one fan may have: requests a second, and open streams.
