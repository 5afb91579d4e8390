//! The page about consumers: its Python example is the function behind the queue.

use std::fs;
use std::process::Command;

use whoop_simulator::AppointmentType;

use super::Stage;
use crate::docs::shell::Shell;
use crate::harness::{Outcome, soon};

/// Makes the function that the page takes for granted.
const CREATE_FUNCTION: &str = r#"
trust='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}'
aws iam create-role --role-name process-orders --assume-role-policy-document "$trust"
aws iam put-role-policy --role-name process-orders --policy-name queue --policy-document '{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], "Resource": "*"}]}'
python3 -m zipfile -c code.zip consumer.py
aws lambda create-function --function-name process-orders --runtime python3.11 --handler consumer.handler --timeout 30 \
    --role arn:aws:iam::000000000000:role/process-orders --zip-file fileb://code.zip \
    --environment "Variables={DATABASE=$PWD/orders.db}"
"#;

impl Stage<'_> {
    /// Writes the files of the page, and makes the function of its Python example.
    pub async fn deploy_consumer(&mut self, shell: &mut Shell) -> Outcome {
        for (language, file) in [("python", "consumer.py"), ("yaml", "orders.yaml")] {
            let mut blocks = self.page.blocks.iter();
            let block = blocks.find(|block| block.language == language);
            let block = block.ok_or_else(|| format!("the page has no {language}"))?;
            fs::write(shell.folder().join(file), &block.text)?;
        }
        shell
            .run_text("the function", CREATE_FUNCTION, "")
            .await
            .map(drop)
    }

    /// An order gets from WHOOP into the consumer's database.
    pub async fn consumer_saves_an_order(&self) -> Outcome {
        let order = self
            .world
            .simulator
            .add_test_data(AppointmentType::InPerson);
        let database = self.shell_folder.join("orders.db");
        let count = "import sqlite3, sys; \
            print(sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM orders WHERE id = ?', sys.argv[2:]).fetchone()[0])";
        soon("the order is in the consumer's database", async || {
            let output = Command::new(docs::aws_cli().join("python3"))
                .args(["-c", count])
                .arg(&database)
                .arg(&order)
                .output()?;
            Ok(output.stdout == b"1\n")
        })
        .await
    }
}
