//! Tables of embeddings: the one thing that takes numbers of tokens.
//!
//! The network's input is a row for each token, with a one at the token's number. So the row that a table has for a
//! token is the product of the two, and a look-up is a linear layer: every word of a party's work and traffic is the
//! same whatever the token is.

use super::super::item::{Item, axis};
use super::super::layout::Layout;
use super::super::tensor::Const;
use super::{Lazy, Lower, Outcome};
use crate::model::{NodeId, Shape};

impl Lower<'_> {
    /// The rows of a table for tokens.
    pub(super) fn look_up(
        &mut self,
        item: &Item<'_>,
        table: &Const,
        tokens: &Layout,
    ) -> Outcome<Lazy> {
        let (&[vocabulary, ref row @ ..], 0) = (
            table.dims(),
            axis(item.int("axis", 0)?, table.dims().len())?,
        ) else {
            return Err("tokens choose along another axis than the first".to_owned());
        };
        let width: usize = row.iter().product();
        self.take_vocabulary(vocabulary)?;
        let places = tokens
            .rows(vocabulary)
            .ok_or("it has too many dimensions")?;
        let one_hot = Lazy {
            node: NodeId::new(0),
            layout: places,
        };
        let rows = self.place(&one_hot, &[tokens.elements(), vocabulary])?;
        let order = Layout::row_major(&[vocabulary, width]).permute(&[1, 0]);
        let weight = table.arranged(&order.ok_or("it is not a table")?, &mut self.budget)?;
        let weight = ([width, vocabulary], weight.reals().to_vec());
        let node = self.linear(rows, weight, None)?;
        self.like(node, &[tokens.dims(), row].concat())
    }

    /// Now it is known how many tokens there are, and how long the rows of the input.
    fn take_vocabulary(&mut self, size: usize) -> Outcome<()> {
        match self.vocabulary {
            Some(known) if known == size => return Ok(()),
            Some(known) => {
                return Err(format!(
                    "its table has {size} rows, and another for the same tokens has {known}"
                ));
            }
            None => {}
        }
        let count: usize = self.source.dims.iter().product();
        let shape = Shape::new(&[count, size]).map_err(|e| e.to_string())?;
        if shape.elements() > self.largest {
            let most = self.largest;
            return Err(format!("the input {shape} has more than {most} elements"));
        }
        if let Some(input) = self.shapes.first_mut() {
            *input = shape;
        }
        self.vocabulary = Some(size);
        Ok(())
    }
}
