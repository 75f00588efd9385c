//! Provides `Predicate`, an SQL condition over the rows of a table, planned and computed by DataFusion.
//!
//! Tables come as Arrow IPC streams: DataFusion has an arrow of its own, and both versions speak that. What it compiles to
//! is large, which is why this is a crate and not a module: no change of `pipeline` compiles it again.

mod functions;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use datafusion_common::arrow::array::{Array, BooleanArray, RecordBatch};
use datafusion_common::arrow::datatypes::{DataType, FieldRef, SchemaRef};
use datafusion_common::arrow::ipc::reader::StreamReader;
use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_common::{DFSchema, DataFusionError, SchemaError};
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion_expr::simplify::SimplifyContext;
use datafusion_expr::{Expr, Volatility};
use datafusion_optimizer::simplify_expressions::ExprSimplifier;
use datafusion_physical_expr::{PhysicalExpr, create_physical_expr};
use datafusion_sql::parser::DFParser;
use datafusion_sql::planner::{PlannerContext, SqlToRel};
use datafusion_sql::sqlparser::dialect::GenericDialect;
use datafusion_sql::sqlparser::keywords::Keyword;
use datafusion_sql::sqlparser::tokenizer::{Token, Tokenizer};

use self::functions::Functions;

/// Most operators of a predicate. A chain of them is planned and computed by recursion, a level for each.
const MAX_OPERATORS: usize = 1000;

/// Stack that the deepest predicate is planned and computed in, unoptimized code included; only what is used takes memory.
pub const STACK_BYTES: usize = 256 << 20;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Change the condition: it is no SQL expression, names a column or function that is not there, mixes types, is neither
    /// true nor false, could choose other rows tomorrow, or fails on a row's values (a division by zero).
    #[error("{message}")]
    Condition {
        /// What is wrong with it.
        message: String,
        /// The columns there are, with their types.
        columns: String,
    },
    /// The caller's table is no Arrow IPC stream of one batch.
    #[error("the columns cannot be read: {reason}")]
    Table {
        /// What is wrong with it.
        reason: String,
    },
}

/// A condition that each row fulfils or not.
pub struct Predicate {
    schema: SchemaRef,
    planned: Arc<dyn PhysicalExpr>,
}

impl Predicate {
    /// Plans the condition for tables with the columns of `table`, an Arrow IPC stream with one batch. Needs [`STACK_BYTES`].
    ///
    /// # Errors
    /// [`Error::Condition`], [`Error::Table`].
    pub fn new(text: &str, table: &[u8]) -> Result<Self, Error> {
        let schema = read(table)?.schema();
        let planned = contained(|| plan(text, &schema)).map_err(|message| wrong(&schema, message))?;
        Ok(Predicate { schema, planned })
    }

    /// The rows of `table` that fulfil the condition. Unknown (NULL) is not fulfilled.
    ///
    /// # Errors
    /// [`Error::Condition`] when a row's values cannot be computed with, [`Error::Table`].
    pub fn rows(&self, table: &[u8]) -> Result<Vec<u32>, Error> {
        let batch = read(table)?;
        let rows = batch.num_rows();
        let computed = contained(|| {
            let value = self.planned.evaluate(&batch).and_then(|value| value.into_array(rows));
            value.map_err(|error| in_words(&error))
        });
        let array = computed.map_err(|message| wrong(&self.schema, message))?;
        let fulfilled = array.as_any().downcast_ref::<BooleanArray>();
        let fulfilled = fulfilled.into_iter().flatten();
        Ok((0..)
            .zip(fulfilled)
            .filter_map(|(row, value)| (value == Some(true)).then_some(row))
            .collect())
    }
}

fn read(table: &[u8]) -> Result<RecordBatch, Error> {
    let unreadable = |reason: String| Error::Table { reason };
    let mut reader = StreamReader::try_new(table, None).map_err(|error| unreadable(error.to_string()))?;
    let batch = reader.next().ok_or_else(|| unreadable("it has no batch".into()))?;
    batch.map_err(|error| unreadable(error.to_string()))
}

fn plan(text: &str, schema: &SchemaRef) -> Result<Arc<dyn PhysicalExpr>, String> {
    let operators = operators(text)?;
    if operators > MAX_OPERATORS {
        return Err(format!("it has {operators} operators, more than {MAX_OPERATORS}"));
    }
    let words = |error: DataFusionError| in_words(&error);
    let parsed = DFParser::parse_sql_into_expr(text).map_err(words)?;
    if let Some(alias) = parsed.alias {
        return Err(format!("expected an operator or the end, found {alias}"));
    }
    let named = DFSchema::try_from(schema.as_ref().clone()).map_err(words)?;
    let functions = Functions::new();
    let planned = SqlToRel::new(&functions)
        .sql_to_expr(parsed.expr, &named, &mut PlannerContext::new())
        .map_err(words)?;
    if let Some(name) = changing(&planned) {
        return Err(format!("{name}() gives another answer each time"));
    }
    let named = Arc::new(named);
    let simplifier = ExprSimplifier::new(SimplifyContext::builder().with_schema(named.clone()).build());
    let typed = simplifier
        .coerce(planned, &named)
        .and_then(|typed| simplifier.simplify(typed))
        .map_err(words)?;
    let physical = create_physical_expr(
        &typed,
        &named,
        &ExecutionProps::new(),
        &PhysicalPlanningContext::default(),
    )
    .map_err(words)?;
    match physical.data_type(schema).map_err(words)? {
        DataType::Boolean => Ok(physical),
        other => Err(format!("it is {other}, expected true or false")),
    }
}

/// Number of tokens that can add a level to the expression: all but values, names and what separates them.
fn operators(text: &str) -> Result<usize, String> {
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize();
    let adds_no_level = |token: &Token| match token {
        Token::Comma | Token::Period | Token::Number(..) | Token::SingleQuotedString(_) | Token::Whitespace(_) => true,
        Token::Word(word) => word.keyword == Keyword::NoKeyword,
        _ => false,
    };
    let tokens = tokens.map_err(|error| error.to_string())?;
    Ok(tokens.iter().filter(|token| !adds_no_level(token)).count())
}

/// The first function whose value depends on more than its arguments.
fn changing(expression: &Expr) -> Option<String> {
    let mut found = None;
    let visited = expression.apply(|part| {
        let changing = match part {
            Expr::ScalarFunction(call) if call.func.signature().volatility != Volatility::Immutable => call.func.name(),
            _ => return Ok(TreeNodeRecursion::Continue),
        };
        found = Some(changing.to_owned());
        Ok(TreeNodeRecursion::Stop)
    });
    visited.ok().and(found)
}

/// Runs code of the query library, which may panic on what nobody has tried before; nothing it was given is used afterwards.
fn contained<T>(run: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err("the query library failed on it".into()))
}

/// What the library said, without the columns it lists where there is no such one: all are listed anyway.
fn in_words(error: &DataFusionError) -> String {
    match error.find_root() {
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, .. } => format!("there is no column {}", field.quoted_flat_name()),
            other => other.to_string(),
        },
        // Without the request to report it: a call that is none of one row, such as a window function, is no fault.
        DataFusionError::Internal(text) => format!("it cannot be planned: {text}"),
        other => other.strip_backtrace(),
    }
}

fn wrong(schema: &SchemaRef, message: String) -> Error {
    let column = |field: &FieldRef| format!("{} ({})", field.name(), type_name(field.data_type()));
    let columns = schema.fields().iter().map(column).collect::<Vec<_>>().join(", ");
    Error::Condition { message, columns }
}

/// A type as people who write SQL call it.
fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "boolean".into(),
        DataType::Utf8 => "text".into(),
        DataType::Timestamp(..) => "timestamp".into(),
        DataType::List(item) => format!("list of {}", type_name(item.data_type())),
        DataType::Struct(_) => "struct".into(),
        other if other.is_integer() => "integer".into(),
        other if other.is_numeric() => "number".into(),
        other => other.to_string(),
    }
}
