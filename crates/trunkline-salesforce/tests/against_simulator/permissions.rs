//! What the map says before a call, against what the simulated service does when it is made.

mod cast;
mod matrix;
mod odd;
mod refusal;
mod role;
mod verdict;
