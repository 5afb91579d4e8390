//! What a section of a page needs to be true, and what must be true after it: a fault that its commands repair, what a reader
//! types in, what WHOOP does meanwhile.

use libtest_mimic::Failed;
use local_aws::world::World;

use super::shell::Shell;
use crate::harness::Outcome;

/// The stage of one section.
pub struct Stage<'w> {
    world: &'w World,
    page: &'w str,
    section: &'w str,
}

impl<'w> Stage<'w> {
    pub fn new(world: &'w World, page: &'w str, section: &'w str) -> Self {
        Self { world, page, section }
    }

    /// Puts in the fault that the section is about.
    pub async fn set(&mut self, _shell: &Shell) -> Outcome {
        match (self.page, self.section) {
            ("docs/runbook.md", "notconsumed") => {
                self.world.stack.enable_event_processor(false).await?;
            }
            _ => {}
        }
        Ok(())
    }

    /// What a reader gives the block to read, such as a secret.
    pub async fn before(&mut self, _block: usize, _shell: &Shell) -> Result<String, Failed> {
        Ok(String::new())
    }

    /// Checks what the block has done.
    pub async fn after(&mut self, _block: usize, _shell: &Shell, _printed: &str) -> Outcome {
        Ok(())
    }

    /// Checks that it is over, and removes what is left of the section.
    pub async fn clear(self) -> Outcome {
        Ok(())
    }
}
