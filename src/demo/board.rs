//! The message board: the newest posts, and how many comments each has.

use std::collections::VecDeque;
use std::sync::Mutex;

use serde::Serialize;
use serde_json::{Value, json};

use super::bounded::locked;

/// Posts that are kept; older ones are gone.
const ROOM: usize = 10_000;
const PAGE: usize = 20;

#[derive(Debug, Default)]
pub struct Board {
    posts: Mutex<Posts>,
}

#[derive(Debug, Default)]
struct Posts {
    /// Ids without a gap, oldest first.
    kept: VecDeque<Post>,
    /// The id of the newest post, or 0.
    last: u64,
    last_comment: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct Post {
    pub id: u64,
    title: String,
    comments: u64,
}

impl Board {
    pub fn post(&self, title: String) -> Post {
        let mut posts = locked(&self.posts);
        if posts.kept.len() == ROOM {
            posts.kept.pop_front();
        }
        posts.last += 1;
        let post = Post { id: posts.last, title, comments: 0 };
        posts.kept.push_back(post.clone());
        post
    }

    /// The id of the new comment; `None` where there is no such post (any more).
    pub fn comment(&self, post: u64) -> Option<u64> {
        let mut posts = locked(&self.posts);
        let index = post.checked_sub(posts.kept.front()?.id)?;
        posts.kept.get_mut(usize::try_from(index).ok()?)?.comments += 1;
        posts.last_comment += 1;
        Some(posts.last_comment)
    }

    /// Newest first; pages count from 1.
    pub fn page(&self, page: usize) -> Value {
        let posts = locked(&self.posts);
        let skipped = page.saturating_sub(1).saturating_mul(PAGE);
        let shown: Vec<&Post> = posts.kept.iter().rev().skip(skipped).take(PAGE).collect();
        json!({ "posts": shown, "page": page, "total": posts.kept.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::{Board, ROOM};

    #[test]
    fn the_newest_come_first_and_the_oldest_go() {
        let board = Board::default();
        assert_eq!(board.comment(1), None);
        for number in 1..=ROOM + 5 {
            board.post(format!("post {number}"));
        }
        assert_eq!((board.comment(5), board.comment(6)), (None, Some(1)));
        let page = board.page(ROOM / 20);
        assert_eq!(page["posts"][19]["title"], "post 6");
        assert_eq!(page["posts"][19]["comments"], 1);
        assert_eq!(board.page(1)["posts"][0]["id"], ROOM + 5);
        assert_eq!(board.page(usize::MAX)["posts"], serde_json::json!([]));
    }
}
