"""The whole model at the end of stage 0."""

from __future__ import annotations

import torch

from ..config import Config
from ..model.reference import Projector, ReferenceModel
from ..text.tokenizer import Chat
from .classify import PLACE_BIAS, Classifier


def assemble(config: Config, chat: Chat, classifier: Classifier) -> ReferenceModel:
    """The whole model with the encoder and head of stage 0."""
    torch.manual_seed(1)
    model = ReferenceModel(config, chat.vocabulary)
    model.vision_tower = classifier.vision_tower.folded()
    model.classifier.load_state_dict(classifier.classifier.state_dict())
    tell_places(model.multi_modal_projector, classifier)
    return model.eval()


@torch.no_grad()
def tell_places(projector: Projector, classifier: Classifier) -> None:
    """Starts the connector's first units with what stage 0 can tell of each of the tokens that it joins: labels, edges of
    the box, own place. The decoder would have to find these directions among all others by itself."""
    heads = (classifier.places, classifier.edges, classifier.here)
    weight = torch.cat([head.weight for head in heads])
    # A label's unit opens where the label begins to be likely; edges and places are positive as they are.
    bias = torch.cat([classifier.places.bias - PLACE_BIAS / 2, classifier.edges.bias, classifier.here.bias])
    tokens = projector.merge**2
    count, hidden = weight.shape
    units = projector.linear_1
    if tokens * count > units.out_features:  # the tests' size has no room
        return
    for token in range(tokens):
        rows = slice(token * count, (token + 1) * count)
        units.weight[rows] = 0
        units.weight[rows, token * hidden : (token + 1) * hidden] = weight
        units.bias[rows] = bias
