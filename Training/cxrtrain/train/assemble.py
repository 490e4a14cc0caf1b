"""The whole model at the end of stage 0."""

from __future__ import annotations

import torch

from ..config import Config
from ..model.reference import ReferenceModel
from ..text.tokenizer import Chat
from .classify import Classifier


def assemble(config: Config, chat: Chat, classifier: Classifier) -> ReferenceModel:
    """The whole model with the encoder and head of stage 0."""
    torch.manual_seed(1)
    model = ReferenceModel(config, chat.vocabulary)
    model.vision_tower = classifier.vision_tower.folded()
    model.classifier.load_state_dict(classifier.classifier.state_dict())
    return model.eval()
